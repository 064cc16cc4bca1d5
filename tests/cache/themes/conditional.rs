//! Conditions of clients that the cache answers itself: RFC 9111 §4.3.2, RFC 9110 §13.

use crate::case::{Case, Step, case, get, head};
use crate::suite::holds_here;

const NONE_MATCH: &str = "RFC 9110 §13.1.2";
const MODIFIED: &str = "RFC 9110 §13.1.3";
const RECEIVED: &str = "RFC 9111 §4.3.2";
const FRESH: &str = "cache-control: max-age=3600";

/// The stored tag, the condition, and whether it means "not modified".
const TAGS: [(&str, &str, &str, bool); 22] = [
    ("a strong tag matches itself", "\"a\"", "\"a\"", true),
    ("a weak tag matches itself", "W/\"a\"", "W/\"a\"", true),
    ("a weak condition matches a strong tag", "\"a\"", "W/\"a\"", true),
    ("a strong condition matches a weak tag", "W/\"a\"", "\"a\"", true),
    ("another tag does not match", "\"a\"", "\"b\"", false),
    ("a tag in another case does not match", "\"a\"", "\"A\"", false),
    ("the first of a list matches", "\"a\"", "\"a\", \"b\", \"c\"", true),
    ("the middle one of a list matches", "\"a\"", "\"b\", \"a\", \"c\"", true),
    ("the last of a list matches", "\"a\"", "\"b\", \"c\", \"a\"", true),
    ("a weak one of a list matches", "\"a\"", "\"b\", W/\"a\"", true),
    ("a list without white space matches", "\"a\"", "\"b\",\"a\",\"c\"", true),
    ("a list with empty members matches", "\"a\"", ", \"b\",, \"a\"", true),
    ("a list without the tag does not match", "\"a\"", "\"b\", \"c\"", false),
    ("a star matches any tag", "\"a\"", "*", true),
    ("a tag with a comma matches itself", "\"a,b\"", "\"a,b\"", true),
    ("a part of a tag with a comma does not match", "\"a, b\"", "\"a\"", false),
    ("a comma inside a listed tag does not split it", "\"b\"", "\"a, \"b\"", false),
    ("an empty tag matches itself", "\"\"", "\"\"", true),
    ("a tag with a backslash matches itself", "\"a\\b\"", "\"a\\b\"", true),
    ("a tag of bytes above ASCII matches itself", "\"\u{e9}\"", "\"\u{e9}\"", true),
    ("a quoted star is a tag", "\"a\"", "\"*\"", false),
    ("a longer tag does not match", "\"a\"", "\"ab\"", false),
];

pub(crate) fn cases() -> Vec<Case> {
    let tags = TAGS.map(|(id, stored, condition, matches)| {
        let etag = format!("etag: {stored}");
        let second = get().after(3).sends(format!("if-none-match: {condition}")).hit();
        let second = if matches { not_modified(second).shows(&etag) } else { second.status(200) };
        case(id, NONE_MATCH).then(get().gives(&[FRESH, &etag])).then(second)
    });
    tags.into_iter()
        .chain([precedence(), modified(), fields(), forwarded(), stale()].into_iter().flatten())
        .collect()
}

fn not_modified(step: Step) -> Step {
    step.status(304).content("").lacks("transfer-encoding")
}

fn stored() -> Step {
    get().gives(&[FRESH, "etag: \"a\"", "last-modified: {-5000}"])
}

fn precedence() -> Vec<Case> {
    vec![
        case("a matching tag outdoes a date of before", "RFC 9110 §13.2.2").then(stored()).then(
            not_modified(get().sends("if-none-match: \"a\"").sends("if-modified-since: {-9000}").hit()),
        ),
        case("another tag outdoes a date of after", "RFC 9110 §13.2.2")
            .then(stored())
            .then(get().sends("if-none-match: \"b\"").sends("if-modified-since: {-1}").hit().status(200)),
        case("a tag outdoes an equal date where nothing has a tag", "RFC 9110 §13.2.2")
            .then(get().gives(&[FRESH, "last-modified: {-5000}"]))
            .then(get().sends("if-none-match: \"a\"").sends("if-modified-since: {-5000}").hit().status(200)),
        case("two lines of tags are one list", NONE_MATCH)
            .then(stored())
            .then(not_modified(get().sends("if-none-match: \"b\"").sends("if-none-match: \"a\"").hit())),
        case("a condition of HEAD is answered", NONE_MATCH)
            .then(stored())
            .then(not_modified(head().sends("if-none-match: \"a\"").hit())),
    ]
}

fn modified() -> Vec<Case> {
    let asks = |id: &str, condition: &str, matches: bool| {
        let second = get().after(3).sends(format!("if-modified-since: {condition}")).hit();
        case(id, MODIFIED).then(get().gives(&[FRESH, "last-modified: {-3000}"])).then(if matches {
            not_modified(second)
        } else {
            second.status(200)
        })
    };
    vec![
        asks("an equal date is not modified", "{-3000}", true),
        asks("a later date is not modified", "{-2000}", true),
        asks("an earlier date is modified", "{-3001}", false),
        asks("an equal date in the form of RFC 850 is not modified", "{850 -3000}", true),
        asks("an equal date in the form of asctime is not modified", "{asc -3000}", true),
        asks("an invalid date is ignored", "yesterday", false),
        asks("two dates are ignored", "{-1}, {-1}", false),
        case("without Last-Modified a date before Date is modified", RECEIVED)
            .then(get().gives(&[FRESH]))
            .then(get().after(3).sends("if-modified-since: {-3000}").hit().status(200)),
        case("without Last-Modified a date after Date is not modified", RECEIVED)
            .then(get().gives(&[FRESH]))
            .then(not_modified(get().after(3).sends("if-modified-since: {+1}").hit())),
        case("a date in a HEAD is answered", MODIFIED)
            .then(get().gives(&[FRESH, "last-modified: {-3000}"]))
            .then(not_modified(head().after(3).sends("if-modified-since: {-3000}").hit())),
    ]
}

/// What a 304 carries.
fn fields() -> Vec<Case> {
    const SECTION: &str = "RFC 9110 §15.4.5";
    let carries = |line: &'static str| {
        case(format!("a 304 carries {line}"), SECTION)
            .then(get().gives(&[FRESH, "etag: \"a\"", line]))
            .then(get().after(3).sends("if-none-match: \"a\"").hit().status(304).shows(line))
    };
    let carried = [
        "content-location: /elsewhere",
        "expires: {-86400}",
        "vary: accept-charset",
        "cache-control: polite",
        "date: {0}",
    ];
    let mut cases: Vec<Case> = carried.map(carries).into_iter().collect();
    cases.push(
        case("a 304 carries Age", "RFC 9111 §4")
            .then(stored())
            .then(get().after(3).sends("if-none-match: \"a\"").hit().status(304).shows("age: 3")),
    );
    cases.push(
        case("a 304 carries no length of another content", SECTION)
            .then(stored())
            .then(get().sends("if-none-match: \"a\"").hit().status(304).counts("etag", 1)),
    );
    cases
}

fn forwarded() -> Vec<Case> {
    vec![
        case("a condition without a stored answer goes to the origin", RECEIVED).then(
            get()
                .sends("if-none-match: \"a\"")
                .validated()
                .origin_saw("if-none-match: \"a\"")
                .status(304)
                .content(""),
        ),
        case("a date without a stored answer goes to the origin", RECEIVED).then(
            get()
                .sends("if-modified-since: {-3000}")
                .validated()
                .origin_saw("if-modified-since: {-3000}")
                .status(304)
                .content(""),
        ),
        case("the origin's 304 to a client is not what the next one gets", RECEIVED)
            .then(
                get()
                    .sends("if-none-match: \"a\"")
                    .validated()
                    .gives(&[FRESH, "etag: \"a\""])
                    .status(304)
                    .content(""),
            )
            .then(get().after(3).either().status(200)),
        case("If-Match goes to the origin", "RFC 9111 §4.3.2")
            .then(stored())
            .then(get().sends("if-match: \"z\"").gives_status(412).either().status_of(&[200, 412])),
        case("a 200 to a client's condition is stored", RECEIVED)
            .then(get().sends("if-none-match: \"z\"").gives(&[FRESH, "etag: \"a\""]))
            .then(get().after(3).hit()),
        case("a client's tag beside a different stored one is answered with the content", RECEIVED)
            .then(stored())
            .then(get().after(3).sends("if-none-match: \"z\"").hit().status(200).shows("etag: \"a\"")),
    ]
}

fn stale() -> Vec<Case> {
    let short = "cache-control: max-age=2";
    vec![
        case("a stale answer is confirmed and the client's tag compared", RECEIVED)
            .then(get().gives(&[short, "etag: \"a\""]))
            .then(get().after(3).sends("if-none-match: \"a\"").validated().status(304).content("")),
        case("a stale answer is confirmed and the client's date compared", RECEIVED)
            .then(get().gives(&[short, "last-modified: {-3000}"]))
            .then(get().after(3).sends("if-modified-since: {-3000}").validated().status(304).content("")),
        case("a stale answer is confirmed for a client with another tag", RECEIVED)
            .then(get().gives(&[short, "etag: \"a\""]))
            .then(get().after(3).sends("if-none-match: \"z\"").validated().status(200)),
        case("a client whose tag is the new one gets 304 or the new content", RECEIVED)
            .then(get().gives(&[short, "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .sends("if-none-match: \"b\"")
                    .gives(&[FRESH, "etag: \"b\""])
                    .status_of(&[200, 304])
                    .any_content(),
            )
            .then(get().after(3).hit().content_of(2)),
    ]
}

#[tokio::test]
async fn conditions_of_clients_are_answered_from_the_store() {
    holds_here("conditional", cases()).await;
}
