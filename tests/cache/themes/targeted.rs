//! Fields for one kind of cache: RFC 9213, as dictionaries of RFC 9651.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9213 §2.1";
const SYNTAX: &str = "RFC 9213 §2.2";

/// What CDN-Cache-Control says beside a lifetime of two seconds for everybody, and whether it keeps the answer longer.
const BESIDE_SHORT: [(&str, &str, bool); 22] = [
    ("a lifetime alone", "max-age=3600", true),
    ("s-maxage", "s-maxage=3600", true),
    ("two thousand million seconds", "max-age=2147483648", true),
    ("more seconds than fit into 32 bits", "max-age=99999999999", true),
    ("an unknown directive beside", "polite, max-age=3600", true),
    ("an unknown directive with a parameter", "polite;very=1, max-age=3600", true),
    ("an unknown directive with a string", "note=\"a, b\", max-age=3600", true),
    ("an unknown directive with a list", "note=(a b), max-age=3600", true),
    ("a parameter on the lifetime", "max-age=3600;polite", true),
    ("the last of two lifetimes", "max-age=0, max-age=3600", true),
    ("must-revalidate beside a lifetime", "max-age=3600, must-revalidate", true),
    ("a string instead of a number", "max-age=\"3600\"", false),
    ("a word instead of a number", "max-age=long", false),
    ("a decimal instead of a number", "max-age=3600.0", false),
    ("a truth instead of a number", "max-age", false),
    ("a space before the equals sign", "max-age =3600", false),
    ("a space behind the equals sign", "max-age= 3600", false),
    ("garbage behind", "max-age=3600, &&&&", false),
    ("an empty member", "max-age=3600,, polite", false),
    ("a trailing comma", "max-age=3600,", false),
    ("a name in capitals", "Max-Age=3600", false),
    ("an empty value", "", false),
];

/// What CDN-Cache-Control says beside an hour for everybody, and whether the answer is kept.
const BESIDE_LONG: [(&str, &str, bool); 12] = [
    ("no-store", "no-store", false),
    ("private", "private", false),
    ("no-cache", "no-cache", false),
    ("max-age=0", "max-age=0", false),
    ("a short lifetime", "max-age=1", false),
    ("no-store beside a lifetime", "max-age=3600, no-store", false),
    ("a negative lifetime is invalid", "max-age=-1", true),
    ("no-store inside a broken field", "no-store, &&&&", true),
    ("a zero with a broken space", "max-age= 0", true),
    ("a zero before a trailing comma", "max-age=0,", true),
    ("an empty value", "", true),
    ("only unknown directives", "polite", false),
];

pub(crate) fn cases() -> Vec<Case> {
    let cases = |side: &'static str, plain: &'static str, table: &[(&str, &str, bool)]| {
        let cases = table.iter().map(|(id, value, keeps)| {
            let id = format!("{id} {side}");
            let line = format!("cdn-cache-control: {value}");
            let lines = [plain, line.as_str()];
            if *keeps { reused(id, SYNTAX, &lines) } else { refetched(id, SYNTAX, &lines) }
        });
        cases.collect::<Vec<_>>()
    };
    [
        cases("beside a short Cache-Control", "cache-control: max-age=2", &BESIDE_SHORT),
        cases("beside a long Cache-Control", "cache-control: max-age=3600", &BESIDE_LONG),
        alone(),
        lists(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn alone() -> Vec<Case> {
    let field = "cdn-cache-control: max-age=3600";
    vec![
        reused("a targeted lifetime needs no Cache-Control", SECTION, &[field]),
        reused("a targeted lifetime outdoes no-store", SECTION, &["cache-control: no-store", field]),
        reused("a targeted lifetime outdoes private", SECTION, &["cache-control: private", field]),
        reused("a targeted lifetime outdoes no-cache", SECTION, &["cache-control: no-cache", field]),
        reused("a targeted lifetime outdoes a past Expires", SECTION, &["expires: {-600}", field]),
        reused("a targeted lifetime outdoes an invalid Expires", SECTION, &["expires: 0", field]),
        reused("a targeted lifetime outdoes s-maxage", SECTION, &["cache-control: s-maxage=1", field]),
        refetched(
            "a targeted zero outdoes a future Expires",
            SECTION,
            &["expires: {+600}", "cdn-cache-control: max-age=0"],
        ),
        refetched("an Age beyond a targeted lifetime is stale", "RFC 9111 §4.2.3", &[field, "age: 7200"]),
        refetched(
            "a broken targeted field leaves no-store",
            SYNTAX,
            &["cache-control: no-store", "cdn-cache-control: max-age=\"3600\", &&"],
        ),
        reused(
            "a targeted field over two lines is one",
            SYNTAX,
            &["cdn-cache-control: polite", "cdn-cache-control: max-age=3600"],
        ),
        case("a targeted field passes on", SECTION).then(
            get()
                .gives(&["cache-control: max-age=60", "cdn-cache-control: polite"])
                .shows("cdn-cache-control: polite"),
        ),
        case("Age, Date and Expires stay what they are beside a targeted lifetime", SECTION)
            .then(get().gives(&["cache-control: max-age=1", "expires: {+1}", field]))
            .then(get().after(9).hit().shows("age: 9").shows("date: {0}").shows("expires: {+1}")),
        case("Cache-Control passes on beside a targeted field", SECTION)
            .then(get().gives(&["cache-control: max-age=1", field]))
            .then(get().after(9).hit().shows("cache-control: max-age=1").shows(field)),
        case("a targeted answer with a tag is confirmed", SECTION)
            .then(get().gives(&["cdn-cache-control: max-age=2", "etag: \"a\""]))
            .then(get().after(3).validated()),
        case("a confirmation changes the targeted lifetime", "RFC 9111 §3.2")
            .then(get().gives(&["cdn-cache-control: max-age=2", "etag: \"a\""]))
            .then(get().after(3).validated().gives(&["cdn-cache-control: max-age=60"]))
            .then(get().after(59).hit()),
    ]
}

fn lists() -> Vec<Case> {
    vec![
        refetched(
            "a field outside the list means nothing",
            SECTION,
            &["cache-control: max-age=1", "other-cache-control: max-age=3600"],
        ),
        reused(
            "a configured field counts",
            SECTION,
            &["cache-control: max-age=1", "edge-cache-control: max-age=3600"],
        )
        .targeted(&["edge-cache-control"]),
        reused(
            "the first field of the list decides",
            SECTION,
            &["cdn-cache-control: max-age=1", "edge-cache-control: max-age=3600"],
        )
        .targeted(&["edge-cache-control", "cdn-cache-control"]),
        refetched(
            "the second field of the list does not outdo the first",
            SECTION,
            &["cdn-cache-control: max-age=3600", "edge-cache-control: max-age=1"],
        )
        .targeted(&["edge-cache-control", "cdn-cache-control"]),
        reused(
            "a broken first field leaves the second",
            SYNTAX,
            &["cdn-cache-control: max-age=3600", "edge-cache-control: &&&&"],
        )
        .targeted(&["edge-cache-control", "cdn-cache-control"]),
        refetched(
            "an empty list leaves Cache-Control alone",
            SECTION,
            &["cache-control: max-age=1", "cdn-cache-control: max-age=3600"],
        )
        .targeted(&[]),
    ]
}

#[tokio::test]
async fn targeted_fields_decide_alone_where_they_are_valid() {
    holds_here("targeted", cases()).await;
}
