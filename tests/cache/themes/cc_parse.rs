//! How Cache-Control is read: RFC 9111 §5.2, over the list and quoting rules of RFC 9110 §5.6.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §5.2";
const SECONDS: &str = "RFC 9111 §1.2.2";
const LISTS: &str = "RFC 9110 §5.6.1";

const COUNTS: [(&str, &str, &str); 17] = [
    ("a lifetime in lower case counts", SECTION, "max-age=3600"),
    ("a lifetime in mixed case counts", SECTION, "mAx-AgE=3600"),
    ("a quoted lifetime counts", SECTION, "max-age=\"3600\""),
    ("leading zeros are accepted", SECONDS, "max-age=0003600"),
    ("an unknown directive before is skipped", "RFC 9111 §5.2.3", "polite, max-age=3600"),
    ("an unknown directive behind is skipped", "RFC 9111 §5.2.3", "max-age=3600, polite=\"very\""),
    ("an unknown directive with a number is skipped", "RFC 9111 §5.2.3", "min-age=0, max-age=3600"),
    ("a zero inside a quoted string is text", SECTION, "note=\"max-age=0\", max-age=3600"),
    ("a comma inside a quoted string is text", SECTION, "note=\"a, max-age=0, b\", max-age=3600"),
    ("an escaped quote does not end a string", "RFC 9110 §5.6.4", "note=\"a\\\", no-store\", max-age=3600"),
    ("no-store inside a quoted string is text", SECTION, "note=\"no-store\", max-age=3600"),
    ("a longer name is another directive", SECTION, "no-storefront, max-age=3600"),
    ("empty members are skipped", LISTS, ", ,max-age=3600,, "),
    ("white space around members is skipped", LISTS, "polite \t,\t max-age=3600 "),
    ("two thousand million seconds count", SECONDS, "max-age=2147483648"),
    ("more seconds than fit into 32 bits count", SECONDS, "max-age=99999999999"),
    ("more seconds than fit into 64 bits count", SECONDS, "max-age=99999999999999999999999"),
];

const DOES_NOT_COUNT: [(&str, &str, &str); 19] = [
    ("a long lifetime in a string before a short one", SECTION, "note=\"max-age=3600\", max-age=1"),
    ("a long lifetime in a string behind a short one", SECTION, "max-age=1, note=\"max-age=3600\""),
    ("a string with a lifetime beside a quoted short one", SECTION, "note=\"max-age=3600\", max-age=\"1\""),
    ("a lifetime in single quotes", SECTION, "max-age='3600'"),
    ("a negative lifetime", "RFC 9111 §4.2.1", "max-age=-3600"),
    ("a lifetime with a plus sign", SECONDS, "max-age=+3600"),
    ("a lifetime with a letter before", "RFC 9111 §4.2.1", "max-age=a3600"),
    ("a lifetime with a letter behind", "RFC 9111 §4.2.1", "max-age=3600a"),
    ("a lifetime with a fraction", SECONDS, "max-age=3600.5"),
    ("a lifetime in hexadecimal digits", SECONDS, "max-age=0xe10"),
    ("a lifetime in groups of digits", SECONDS, "max-age=3 600"),
    ("a space before the equals sign", SECTION, "max-age =3600"),
    ("a space behind the equals sign", SECTION, "max-age= 3600"),
    ("a lifetime without a value", SECTION, "max-age"),
    ("a lifetime with an empty value", SECTION, "max-age="),
    ("a lifetime with an empty string", SECTION, "max-age=\"\""),
    ("a negative lifetime in a string", "RFC 9111 §4.2.1", "max-age=\"-1\""),
    ("a lifetime of another name", SECTION, "x-max-age=3600"),
    ("a lifetime behind a semicolon", LISTS, "polite; max-age=3600"),
];

const FORBIDS: [(&str, &str); 5] = [
    ("no-store in mixed case", "max-age=3600, No-StOrE"),
    ("no-store before a lifetime", "no-store,max-age=3600"),
    ("no-store behind an unknown string", "note=\"x\", no-store, max-age=3600"),
    ("private in mixed case", "max-age=3600, PriVate"),
    ("no-store between empty members", ",, no-store ,, max-age=3600"),
];

pub(crate) fn cases() -> Vec<Case> {
    let line = |value: &str| format!("cache-control: {value}");
    let counts = COUNTS.map(|(id, section, value)| reused(id, section, &[&line(value)]));
    let not = DOES_NOT_COUNT
        .map(|(id, section, value)| refetched(format!("{id} does not count"), section, &[&line(value)]));
    let forbids =
        FORBIDS.map(|(id, value)| refetched(format!("{id} forbids"), "RFC 9111 §5.2.2.5", &[&line(value)]));
    counts.into_iter().chain(not).chain(forbids).chain(lines()).collect()
}

fn lines() -> Vec<Case> {
    vec![
        reused(
            "directives on several lines are one list",
            LISTS,
            &["cache-control: polite", "cache-control: max-age=3600"],
        ),
        refetched(
            "no-store on a second line forbids",
            LISTS,
            &["cache-control: max-age=3600", "cache-control: no-store"],
        ),
        refetched(
            "no-store on a first line forbids",
            LISTS,
            &["cache-control: no-store", "cache-control: max-age=3600"],
        ),
        refetched(
            "of two lifetimes in a line a short first one is not outdone",
            "RFC 9111 §4.2.1",
            &["cache-control: max-age=1, max-age=3600"],
        ),
        refetched(
            "of two lifetimes on two lines a short first one is not outdone",
            "RFC 9111 §4.2.1",
            &["cache-control: max-age=1", "cache-control: max-age=3600"],
        ),
        reused(
            "the same lifetime twice counts once",
            "RFC 9111 §4.2.1",
            &["cache-control: max-age=3600, max-age=3600"],
        ),
        reused(
            "bytes above ASCII in an unknown string are skipped",
            SECTION,
            &["cache-control: note=\"\u{e9}t\u{e9}\", max-age=3600"],
        ),
        case("no-cache in mixed case asks the origin", "RFC 9111 §5.2.2.4")
            .then(get().gives(&["cache-control: max-age=3600, No-CACHE", "etag: \"a\""]))
            .then(get().validated()),
    ]
}

#[tokio::test]
async fn cache_control_is_read_as_the_standard_writes_it() {
    holds_here("cc_parse", cases()).await;
}
