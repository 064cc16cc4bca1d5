//! When an answer is served though it is stale: RFC 9111 §4.2.4, RFC 5861.

use crate::case::{Case, Step, case, get};
use crate::script::{Fault, Hold};
use crate::suite::holds_here;

const STALE: &str = "RFC 9111 §4.2.4";
const IF_ERROR: &str = "RFC 5861 §4";
const WHILE: &str = "RFC 5861 §3";
const FAILING: [u16; 4] = [500, 502, 503, 504];

const NEVER: [(&str, &str); 6] = [
    ("must-revalidate", "cache-control: max-age=2, must-revalidate"),
    ("proxy-revalidate", "cache-control: max-age=2, proxy-revalidate"),
    ("s-maxage", "cache-control: s-maxage=2"),
    ("no-cache", "cache-control: max-age=2, no-cache"),
    ("must-revalidate over stale-if-error", "cache-control: max-age=2, must-revalidate, stale-if-error=60"),
    ("no-cache over stale-if-error", "cache-control: max-age=2, no-cache, stale-if-error=60"),
];

pub(crate) fn cases() -> Vec<Case> {
    let never = NEVER.into_iter().flat_map(|(id, line)| {
        [
            case(format!("{id} forbids a stale answer for a dropped connection"), STALE)
                .then(get().gives(&[line]))
                .then(dropped().asks(1).status_of(&[502, 504]).any_content()),
            case(format!("{id} forbids a stale answer for a 503"), STALE)
                .then(get().gives(&[line]))
                .then(get().after(3).gives_status(503).asks(1).status_of(&[502, 503, 504]).any_content()),
        ]
    });
    let while_never = NEVER.into_iter().take(2).chain([NEVER[3]]).map(|(id, line)| {
        case(format!("{id} forbids a stale answer while revalidating"), WHILE)
            .then(get().gives(&[&format!("{line}, stale-while-revalidate=60")]))
            .then(get().after(3).miss())
    });
    never
        .chain(while_never)
        .chain([failing(), windows(), refused(), revalidating(), background()].into_iter().flatten())
        .collect()
}

fn dropped() -> Step {
    get().after(3).fails(Fault::NoAnswer)
}

fn failing() -> Vec<Case> {
    let allowed = "cache-control: max-age=2, stale-if-error=60";
    let statuses = FAILING.map(|status| {
        case(format!("stale-if-error outdoes a {status}"), IF_ERROR)
            .then(get().gives(&[allowed]))
            .then(get().after(3).gives_status(status).asks(1).status(200).content_of(1).shows("age: 3"))
    });
    let others = [400, 403, 404, 429, 501].map(|status| {
        case(format!("stale-if-error does not outdo a {status}"), IF_ERROR)
            .then(get().gives(&[allowed]))
            .then(get().after(3).gives_status(status).miss())
    });
    let more = [
        case("a dropped connection is outdone by what is stale", STALE)
            .then(get().gives(&["cache-control: max-age=2"]))
            .then(dropped().asks(1).status(200).content_of(1).shows("age: 3")),
        case("a dropped connection is outdone by stale-if-error", IF_ERROR)
            .then(get().gives(&[allowed]))
            .then(dropped().asks(1).status(200).content_of(1)),
        case("a dropped validation is outdone by what is stale", STALE)
            .then(get().gives(&["cache-control: max-age=2", "etag: \"a\""]))
            .then(dropped().asks(1).status(200).content_of(1).origin_saw("if-none-match: \"a\"")),
        case("an answer by a past Expires is outdone too", STALE)
            .then(get().gives(&["expires: {+2}"]))
            .then(dropped().asks(1).status(200).content_of(1)),
        case("a dropped connection without anything stored is a failure", STALE)
            .then(get().fails(Fault::NoAnswer).asks(1).status_of(&[502, 504]).any_content()),
        case("a stale answer is told as such", "RFC 9211 §2.2")
            .then(get().gives(&[allowed]))
            .then(get().after(3).gives_status(503).asks(1).content_of(1).cache_status("fwd=stale")),
        case("a failing status is not stored over what is stale", IF_ERROR)
            .then(get().gives(&[allowed]))
            .then(get().after(3).gives_status(503).asks(1).content_of(1))
            .then(get().after(1).asks(1).content_of(3)),
        case("a failing answer to a validation is outdone", IF_ERROR)
            .then(get().gives(&[allowed, "etag: \"a\""]))
            .then(get().after(3).gives_status(503).asks(1).status(200).content_of(1)),
        case("a stale answer meets the client's condition", "RFC 9111 §4.3.2")
            .then(get().gives(&[allowed, "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .sends("if-none-match: \"a\"")
                    .gives_status(503)
                    .asks(1)
                    .status(304)
                    .content(""),
            ),
    ];
    statuses.into_iter().chain(others).chain(more).collect()
}

fn windows() -> Vec<Case> {
    vec![
        case("stale-if-error ends with its seconds", IF_ERROR)
            .then(get().gives(&["cache-control: max-age=2, stale-if-error=10"]))
            .then(get().after(11).gives_status(503).asks(1).status(200).content_of(1))
            .then(get().after(2).gives_status(503).asks(1).status(503)),
        case("stale-if-error of zero is none", IF_ERROR)
            .then(get().gives(&["cache-control: max-age=2, stale-if-error=0"]))
            .then(get().after(3).gives_status(503).asks(1).status(503)),
        case("an invalid stale-if-error is none", IF_ERROR)
            .then(get().gives(&["cache-control: max-age=2, stale-if-error=soon"]))
            .then(get().after(3).gives_status(503).asks(1).status(503)),
        case("a 503 without leave is passed on", STALE)
            .then(get().gives(&["cache-control: max-age=2"]))
            .then(get().after(3).gives_status(503).either().status_of(&[200, 503]).any_content()),
        case("stale-if-error of a request ends with its seconds", IF_ERROR)
            .hearing_clients()
            .then(get().gives(&["cache-control: max-age=2, must-revalidate"]))
            .then(
                get()
                    .after(30)
                    .sends("cache-control: stale-if-error=1")
                    .gives_status(503)
                    .asks(1)
                    .status_of(&[503, 504]),
            ),
    ]
}

/// A layer behind the cache that answers in the origin's place.
fn refused() -> Vec<Case> {
    let open = || get().after(3).gives_status(503).gives(&["x-refused: circuit"]);
    vec![
        case("an open circuit is outdone by what is stale", STALE)
            .then(get().gives(&["cache-control: max-age=2"]))
            .then(open().asks(1).status(200).content_of(1).shows("age: 3")),
        case("an open circuit is outdone by stale-if-error", IF_ERROR)
            .then(get().gives(&["cache-control: max-age=2, stale-if-error=60"]))
            .then(open().asks(1).status(200).content_of(1)),
        case("an open circuit does not outdo must-revalidate", STALE)
            .then(get().gives(&["cache-control: max-age=2, must-revalidate"]))
            .then(open().asks(1).status_of(&[502, 503, 504]).any_content()),
        case("the refusal of an open circuit is not stored", "RFC 9111 §3")
            .then(get().gives_status(503).gives(&["x-refused: circuit"]).status(503))
            .then(get().after(1).miss()),
    ]
}

fn revalidating() -> Vec<Case> {
    let allowed = "cache-control: max-age=2, stale-while-revalidate=10";
    vec![
        case("a stale answer comes while it is revalidated", WHILE)
            .then(get().gives(&[allowed, "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .gives(&["cache-control: max-age=60", "etag: \"b\""])
                    .asks(1)
                    .content_of(1)
                    .shows("age: 3"),
            )
            .then(get().after(3).hit().content_of(2).shows("etag: \"b\"").shows("age: 3")),
        case("the revalidation carries the validator", WHILE)
            .then(get().gives(&[allowed, "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .validated()
                    .gives(&["cache-control: max-age=60"])
                    .origin_saw("if-none-match: \"a\""),
            )
            .then(get().after(9).hit().content_of(1).shows("age: 9")),
        case("the window counts from the end of the lifetime", WHILE)
            .then(get().gives(&[allowed]))
            .then(get().after(11).asks(1).content_of(1)),
        case("after the window a client waits", WHILE)
            .then(get().gives(&[allowed]))
            .then(get().after(13).miss()),
        case("a zero lifetime with a window is served stale", WHILE)
            .then(get().gives(&["cache-control: max-age=0, stale-while-revalidate=60", "etag: \"a\""]))
            .then(get().asks(1).content_of(1).gives(&["cache-control: max-age=60", "etag: \"b\""]))
            .then(get().hit().content_of(2)),
        case("an invalid window is none", WHILE)
            .then(get().gives(&["cache-control: max-age=2, stale-while-revalidate=soon"]))
            .then(get().after(3).miss()),
        case("a failing revalidation leaves what is stale for its window", WHILE)
            .then(get().gives(&[allowed]))
            .then(get().after(3).gives_status(503).asks(1).content_of(1).status(200))
            .then(get().after(1).asks(1).content_of(1).status(200)),
        case("a dropped revalidation leaves what is stale for its window", WHILE)
            .then(get().gives(&[allowed]))
            .then(dropped().asks(1).content_of(1).status(200))
            .then(get().after(1).asks(1).content_of(1).status(200)),
    ]
}

fn background() -> Vec<Case> {
    let allowed = "cache-control: max-age=2, stale-while-revalidate=60";
    vec![
        case("one revalidation at a time", WHILE)
            .then(get().gives(&[allowed]))
            .then(
                get()
                    .after(3)
                    .together(8)
                    .held(Hold::Left(8))
                    .gives(&["cache-control: max-age=60"])
                    .asks(1)
                    .content_of(1),
            )
            .then(get().hit().content_of(2)),
        case("a client does not wait for the revalidation", WHILE)
            .then(get().gives(&[allowed]))
            .then(get().after(3).held(Hold::Left(1)).asks(1).content_of(1)),
        case("each variant is revalidated by its own fields", WHILE)
            .then(get().sends("x-a: 1").gives(&[allowed, "vary: x-a"]))
            .then(get().sends("x-a: 1").after(3).asks(1).content_of(1).origin_saw("x-a: 1")),
        case("the revalidation asks for the whole, whatever part a client has asked for", WHILE)
            .then(get().gives(&[allowed]).gives_content("0123456789"))
            .then(
                get()
                    .after(3)
                    .sends("range: bytes=2-4")
                    .sends("if-none-match: \"a\"")
                    .gives(&["cache-control: max-age=60"])
                    .gives_content("abcdefghij")
                    .asks(1)
                    .status(206)
                    .content("234")
                    .origin_missed("range")
                    .origin_missed("if-none-match"),
            )
            .then(get().hit().content("abcdefghij")),
        case("a HEAD of a stale answer comes at once", WHILE)
            .then(get().gives(&[allowed]))
            .then(crate::case::head().after(3).held(Hold::Left(1)).asks(1).status(200)),
    ]
}

#[tokio::test]
async fn stale_answers_come_only_where_they_may() {
    holds_here("stale", cases()).await;
}
