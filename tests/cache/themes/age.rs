//! Age as it is read, counted and sent: RFC 9111 §4.2.3 and §5.1.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const AGE: &str = "RFC 9111 §5.1";
const COUNTING: &str = "RFC 9111 §4.2.3";

/// What stands in Age, with a lifetime of an hour, and whether the answer is still fresh.
const VALUES: [(&str, &[&str], bool); 18] = [
    ("a smaller Age is fresh", &["age: 1800"], true),
    ("a larger Age is stale", &["age: 7200"], false),
    ("an Age equal to the lifetime is stale", &["age: 3600"], false),
    ("letters are ignored", &["age: abc"], true),
    ("a negative number is ignored", &["age: -7200"], true),
    ("a plus sign is ignored", &["age: +7200"], true),
    ("a decimal is ignored", &["age: 7200.0"], true),
    ("an empty value is ignored", &["age:"], true),
    ("a quoted number is ignored", &["age: \"7200\""], true),
    ("a large first member counts", &["age: 7200, 0"], false),
    ("a large second member does not", &["age: 0, 7200"], true),
    ("a large first line counts", &["age: 7200", "age: 0"], false),
    ("a large second line does not", &["age: 0", "age: 7200"], true),
    ("zero twice is zero", &["age: 0, 0"], true),
    ("zero on two lines is zero", &["age: 0", "age: 0"], true),
    ("a large number twice counts", &["age: 7200, 7200"], false),
    ("a large number on two lines counts", &["age: 7200", "age: 7200"], false),
    ("a number beyond 64 bits is stale", &["age: 99999999999999999999999"], false),
];

pub(crate) fn cases() -> Vec<Case> {
    let values = VALUES.map(|(id, lines, is_fresh)| {
        let lines = [&["cache-control: max-age=3600"], lines].concat();
        if is_fresh { reused(id, AGE, &lines) } else { refetched(id, AGE, &lines) }
    });
    values.into_iter().chain(sent()).chain(counted()).collect()
}

fn sent() -> Vec<Case> {
    let ages = |id: &'static str, lines: &[&str], age: &'static str| {
        case(id, "RFC 9111 §4")
            .then(get().gives(lines))
            .then(get().after(5).hit().shows(age).counts("age", 1))
    };
    vec![
        ages("Age is sent with max-age", &["cache-control: max-age=600"], "age: 5"),
        ages("Age is sent with s-maxage", &["cache-control: s-maxage=600"], "age: 5"),
        ages("Age is sent with Expires", &["expires: {+600}"], "age: 5"),
        ages("Age is sent with a heuristic", &["last-modified: {-86400}"], "age: 5"),
        ages("Age is added to with max-age", &["cache-control: max-age=600", "age: 30"], "age: 35"),
        ages("Age is added to with s-maxage", &["cache-control: s-maxage=600", "age: 30"], "age: 35"),
        ages("Age is added to with Expires", &["expires: {+600}", "age: 30"], "age: 35"),
        ages("Age is added to with a heuristic", &["last-modified: {-86400}", "age: 30"], "age: 35"),
        ages("an ignored Age is replaced", &["cache-control: max-age=600", "age: abc"], "age: 5"),
        ages("two lines of Age become one", &["cache-control: max-age=600", "age: 30", "age: 9"], "age: 35"),
        case("Date is sent as it came", "RFC 9110 §6.6.1")
            .then(get().gives(&["cache-control: max-age=600", "date: {-2}"]))
            .then(get().after(5).hit().shows("date: {-2}").counts("date", 1)),
        case("an answer from the origin keeps the Age of the caches before", AGE)
            .then(get().gives(&["cache-control: max-age=600", "age: 30"]).shows("age: 30")),
        case("Age is sent at once", "RFC 9111 §4")
            .then(get().gives(&["cache-control: max-age=600"]))
            .then(get().hit().shows("age: 0")),
    ]
}

fn counted() -> Vec<Case> {
    vec![
        case("a Date of earlier is an apparent age", COUNTING)
            .then(get().gives(&["cache-control: max-age=60", "date: {-50}"]))
            .then(get().after(9).hit().shows("age: 59"))
            .then(get().after(1).miss()),
        case("a Date of later is no age", COUNTING)
            .then(get().gives(&["cache-control: max-age=60", "date: {+50}"]))
            .then(get().after(59).hit().shows("age: 59"))
            .then(get().after(1).miss()),
        case("the larger of Age and apparent age counts: Age", COUNTING)
            .then(get().gives(&["cache-control: max-age=60", "date: {-20}", "age: 50"]))
            .then(get().after(9).hit().shows("age: 59"))
            .then(get().after(1).miss()),
        case("the larger of Age and apparent age counts: Date", COUNTING)
            .then(get().gives(&["cache-control: max-age=60", "date: {-50}", "age: 20"]))
            .then(get().after(9).hit().shows("age: 59"))
            .then(get().after(1).miss()),
        case("confirmation makes an answer young again", "RFC 9111 §4.3.4")
            .then(get().gives(&["cache-control: max-age=60", "etag: \"a\"", "age: 50"]))
            .then(get().after(20).validated().gives(&["cache-control: max-age=60"]))
            .then(get().after(7).hit().shows("age: 7")),
        case("a confirmation that is old itself counts so", "RFC 9111 §4.2.3")
            .then(get().gives(&["cache-control: max-age=60", "etag: \"a\""]))
            .then(get().after(70).validated().gives(&["cache-control: max-age=60", "age: 40"]))
            .then(get().after(7).hit().shows("age: 47")),
    ]
}

#[tokio::test]
async fn ages_are_read_counted_and_sent() {
    holds_here("age", cases()).await;
}
