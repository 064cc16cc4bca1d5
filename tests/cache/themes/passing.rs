//! What passes through untouched, interim answers and broken ones among it: RFC 9110 §15.2, RFC 9112 §8.

use crate::case::{Case, case, get, head, method};
use crate::script::{Fault, Framed};
use crate::suite::holds_here;

const INTERIM: &str = "RFC 9110 §15.2";
const BROKEN: &str = "RFC 9112 §8";
const FRESH: &str = "cache-control: max-age=3600";

pub(crate) fn cases() -> Vec<Case> {
    [untouched(), broken(), streams(), interim()].into_iter().flatten().collect()
}

fn untouched() -> Vec<Case> {
    let statuses = [200, 201, 203, 299, 302, 404, 418, 499, 500, 599].map(|status| {
        case(format!("a {status} passes"), "RFC 9110 §15")
            .then(get().gives_status(status).gives(&["x-a: 1"]).status(status).shows("x-a: 1"))
    });
    let more = [
        case("an unknown method passes with its content", "RFC 9110 §9.1").then(
            method("BREW").carries("coffee").gives_status(299).gives(&["x-a: 1"]).status(299).shows("x-a: 1"),
        ),
        case("a HEAD passes as a HEAD", "RFC 9110 §9.3.2").then(head().shows("content-length: 8")),
        case("fields of the client reach the origin", "RFC 9110 §7.6")
            .then(get().sends("x-a: 1").sends("cookie: a=b").origin_saw("x-a: 1").origin_saw("cookie: a=b")),
        case("the host of the client reaches the origin", "RFC 9110 §7.2")
            .then(get().origin_saw("host: origin.test")),
        case("all lines of a field pass", "RFC 9110 §5.3").then(
            get()
                .gives(&["x-a: 1", "x-a: 2", "set-cookie: a=b", "set-cookie: c=d"])
                .counts("x-a", 2)
                .counts("set-cookie", 2),
        ),
        case("trailers pass", "RFC 9110 §6.5").then(
            get()
                .sends("te: trailers")
                .gives(&["trailer: x-sum"])
                .gives_trailers(&["x-sum: 9"])
                .trailer("x-sum: 9"),
        ),
        case("a 204 passes", "RFC 9110 §15.3.5").then(get().gives_status(204).content("")),
        case("nothing is asked twice", "RFC 9110 §9.2.2")
            .then(get().fails(Fault::NoAnswer).asks(1).status_of(&[502, 504]).any_content()),
        case("no change is asked for twice", "RFC 9110 §9.2.2")
            .then(method("PUT").carries("a").fails(Fault::NoAnswer).asks(1).status_of(&[502, 504])),
    ];
    statuses.into_iter().chain(more).collect()
}

fn broken() -> Vec<Case> {
    vec![
        case("an answer of known length that breaks off", BROKEN)
            .then(get().gives_content("0123456789").fails(Fault::After(4)).broken()),
        case("a chunked answer that breaks off", BROKEN)
            .then(get().framed(Framed::Chunked).gives_content("0123456789").fails(Fault::After(0)).broken()),
        case("a storable answer that breaks off", BROKEN)
            .then(get().gives(&[FRESH]).gives_content("0123456789").fails(Fault::After(4)).broken()),
        case("an answer to a change that breaks off", BROKEN)
            .then(method("POST").carries("a").gives_content("0123456789").fails(Fault::After(4)).broken()),
        case("no answer at all is a failure of the gateway", "RFC 9110 §15.6.3")
            .then(get().fails(Fault::NoAnswer).status_of(&[502, 504]).any_content()),
    ]
}

fn streams() -> Vec<Case> {
    let pieces = "data: 1\n\n|data: 2\n\n|data: 3\n\n|";
    vec![
        case("pieces that are stored pass as they come", "RFC 9112 §7.1")
            .then(get().gives(&[FRESH]).framed(Framed::Chunked).gives_content(pieces).paced(1))
            .then(get().hit()),
        case("pieces that are not stored pass as they come", "RFC 9112 §7.1").then(
            get()
                .gives(&["cache-control: no-store", "content-type: text/event-stream"])
                .framed(Framed::Chunked)
                .gives_content(pieces)
                .paced(1),
        ),
        case("pieces of known length pass as they come", "RFC 9112 §6.2")
            .then(get().gives(&[FRESH]).gives_content(pieces).paced(1)),
        case("pieces until the end of the connection pass as they come", "RFC 9112 §6.3")
            .then(get().framed(Framed::UntilClosed).gives_content(pieces).paced(1)),
    ]
}

fn interim() -> Vec<Case> {
    vec![
        case("the final answer behind a 102 is stored", INTERIM)
            .then(get().gives_interim(102, &[]).gives(&[FRESH]))
            .then(get().hit()),
        case("the final answer behind a 103 is stored without its fields", INTERIM)
            .then(get().gives_interim(103, &["link: </a>; rel=preload", "x-early: 1"]).gives(&[FRESH]))
            .then(get().hit().lacks("link").lacks("x-early")),
        case("freshness of a 103 is not that of the answer", INTERIM)
            .then(get().gives_interim(103, &[FRESH]))
            .then(get().miss()),
        case("two interim answers are no two answers", INTERIM)
            .then(get().gives_interim(103, &["x-a: 1"]).gives_interim(103, &["x-a: 2"]).gives(&[FRESH]))
            .then(get().hit()),
        case("a 103 reaches the client", INTERIM).then(
            get().gives_interim(103, &["link: </a>; rel=preload"]).interim(103, "link: </a>; rel=preload"),
        ),
    ]
}

#[tokio::test]
async fn what_is_not_cached_passes_untouched() {
    holds_here("passing", cases()).await;
}
