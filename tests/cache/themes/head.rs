//! HEAD from what a GET stored, and what a HEAD tells about it: RFC 9110 §9.3.2, RFC 9111 §4.3.5.

use crate::case::{Case, case, get, head};
use crate::suite::holds_here;

const HEAD: &str = "RFC 9110 §9.3.2";
const FRESHENING: &str = "RFC 9111 §4.3.5";
const FRESH: &str = "cache-control: max-age=3600";
const SHORT: &str = "cache-control: max-age=2";

pub(crate) fn cases() -> Vec<Case> {
    [answered(), told()].into_iter().flatten().collect()
}

fn answered() -> Vec<Case> {
    vec![
        case("a stored GET answers a HEAD", HEAD)
            .then(get().gives(&[FRESH, "etag: \"a\"", "x-a: 1"]).gives_content("0123456789"))
            .then(
                head()
                    .after(3)
                    .hit()
                    .status(200)
                    .shows("content-length: 10")
                    .shows("etag: \"a\"")
                    .shows("x-a: 1")
                    .shows("age: 3"),
            ),
        case("a stored 404 answers a HEAD", HEAD)
            .then(get().gives_status(404).gives(&[FRESH]))
            .then(head().after(3).hit().status(404)),
        case("a HEAD without a stored answer goes to the origin as a HEAD", HEAD)
            .then(head().gives(&[FRESH]).shows("content-length: 8")),
        case("a HEAD stores no empty content", HEAD)
            .then(head().gives(&[FRESH]))
            .then(get().after(3).miss().gives(&[FRESH])),
        case("a HEAD does not harm what is stored", HEAD)
            .then(get().gives(&[FRESH]))
            .then(head().after(3).hit())
            .then(get().hit()),
        case("a stale answer is not used for a HEAD", "RFC 9111 §4.2")
            .then(get().gives(&[SHORT]))
            .then(head().after(3).asks(1).status(200)),
        case("a HEAD of a variant is selected like a GET", "RFC 9111 §4.1")
            .then(get().sends("x-a: 1").gives(&[FRESH, "vary: x-a"]))
            .then(head().after(3).sends("x-a: 2").miss())
            .then(head().sends("x-a: 1").hit()),
    ]
}

fn told() -> Vec<Case> {
    vec![
        case("a HEAD that tells of another length ends the reuse", FRESHENING)
            .then(get().gives(&[SHORT]).gives_content("0123456789"))
            .then(head().after(3).gives(&[FRESH]).gives_content("012345").asks(1))
            .then(get().gives_content("012345").asks(1).content("012345")),
        case("a HEAD that tells of another tag ends the reuse", FRESHENING)
            .then(get().gives(&[SHORT, "etag: \"a\""]).gives_content("0123456789"))
            .then(head().after(3).gives(&[FRESH, "etag: \"b\""]).gives_content("9876543210").asks(1))
            .then(get().gives_content("9876543210").asks(1).content("9876543210")),
        case("a HEAD with the same tag and length keeps what is stored", FRESHENING)
            .then(get().gives(&[SHORT, "etag: \"a\"", "x-a: 1"]).gives_content("0123456789"))
            .then(
                head().after(3).gives(&[FRESH, "etag: \"a\"", "x-a: 2"]).gives_content("0123456789").asks(1),
            )
            .then(
                get()
                    .after(3)
                    .gives(&[FRESH, "etag: \"a\""])
                    .gives_content("0123456789")
                    .either()
                    .content("0123456789"),
            ),
        case("a HEAD with a failing status keeps what is fresh", FRESHENING)
            .then(get().gives(&[FRESH, "vary: x-a"]))
            .then(head().sends("x-a: 9").gives_status(500).asks(1))
            .then(get().hit()),
    ]
}

#[tokio::test]
async fn heads_are_answered_from_what_gets_stored() {
    holds_here("head", cases()).await;
}
