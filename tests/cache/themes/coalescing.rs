//! Concurrent questions for what is not stored: RFC 9111 §4, "collapsed requests".

use crate::case::{Case, case, get, method};
use crate::script::{Fault, Framed, Hold};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §4";
const FRESH: &str = "cache-control: max-age=60";
const MANY: usize = 24;

pub(crate) fn cases() -> Vec<Case> {
    [shared(), released(), leaving(), failing()].into_iter().flatten().collect()
}

fn shared() -> Vec<Case> {
    let together = || get().together(MANY).held(Hold::Arrived(MANY));
    vec![
        case("concurrent questions for a missing answer ask the origin once", SECTION)
            .then(together().gives(&[FRESH]).asks(1).content_of(1).status(200))
            .then(get().hit()),
        case("concurrent questions for a stale answer ask the origin once", SECTION)
            .then(get().gives(&["cache-control: max-age=2"]))
            .then(together().after(3).gives(&[FRESH]).asks(1).content_of(2)),
        case("concurrent questions are confirmed by one", SECTION)
            .then(get().gives(&["cache-control: max-age=2", "etag: \"a\""]))
            .then(together().after(3).validated().gives(&[FRESH]).asks(1).content_of(1)),
        case("concurrent questions for a missing page ask once", SECTION)
            .then(together().gives_status(404).gives(&[FRESH]).asks(1).status(404)),
        case("a shared answer streams to all as it comes", SECTION).then(
            get()
                .together(8)
                .gives(&[FRESH])
                .framed(Framed::Chunked)
                .gives_content("first|second|third|")
                .paced(8)
                .held(Hold::Arrived(8))
                .asks(1)
                .content_of(1),
        ),
        case("concurrent HEADs are not answered wrongly", SECTION)
            .then(get().gives(&[FRESH]))
            .then(crate::case::head().together(8).hit()),
        case("concurrent parts of what is stored are cut each", SECTION)
            .then(get().gives(&[FRESH]).gives_content("0123456789"))
            .then(get().together(8).sends("range: bytes=2-4").hit().status(206).content("234")),
    ]
}

fn released() -> Vec<Case> {
    let several = |first: &[&str], clients: usize| {
        let step = get().together(clients).held(Hold::Arrived(clients)).gives(first);
        (1..clients).fold(step, |step, _| step.next_answer().gives(first))
    };
    vec![
        case("an answer that may not be stored is not shared", "RFC 9111 §5.2.2.5")
            .then(several(&["cache-control: no-store"], 4).asks(4).status(200)),
        case("a private answer is not shared", "RFC 9111 §5.2.2.7")
            .then(several(&["cache-control: private, max-age=60"], 4).asks(4).status(200)),
        case("an answer of another variant is not shared", "RFC 9111 §4.1")
            .then(several(&["cache-control: max-age=60", "vary: *"], 4).asks(4).status(200)),
        case("concurrent POSTs are not shared", SECTION).then(
            method("POST")
                .carries("a")
                .together(3)
                .held(Hold::Arrived(3))
                .next_answer()
                .next_answer()
                .asks(3)
                .status(200),
        ),
        case("concurrent questions of one principal are not shared by mistake", "RFC 9111 §3.5")
            .then(several(&[FRESH], 3).sends("authorization: Bearer a").asks(3).status(200)),
        case("uncacheable answers wait for each other no second time", SECTION)
            .then(get().gives(&["cache-control: no-store"]))
            .then(several(&["cache-control: no-store"], 4).held(Hold::No).asks(4).status(200)),
    ]
}

fn leaving() -> Vec<Case> {
    vec![
        case("a first client that leaves takes nobody along", SECTION).then(
            get()
                .first_leaves(6)
                .held(Hold::Left(1))
                .gives(&[FRESH])
                .next_answer()
                .gives(&[FRESH])
                .either()
                .status(200)
                .any_content(),
        ),
        case("a first client that leaves half way takes nobody along", SECTION).then(
            get()
                .first_leaves(6)
                .held(Hold::Arrived(6))
                .gives(&[FRESH])
                .framed(Framed::Chunked)
                .gives_content("first|second|third|")
                .paced(5)
                .next_answer()
                .gives(&[FRESH])
                .gives_content("first|second|third|")
                .either()
                .status(200)
                .content("first|second|third|"),
        ),
    ]
}

fn failing() -> Vec<Case> {
    vec![
        case("an origin that drops the first question is asked again for the others", SECTION).then(
            get()
                .first_leaves(4)
                .fails(Fault::NoAnswer)
                .held(Hold::Left(1))
                .next_answer()
                .gives(&[FRESH])
                .next_answer()
                .gives(&[FRESH])
                .either()
                .status_of(&[200, 502])
                .any_content(),
        ),
        case("a failing origin is not asked by everybody at once", SECTION).then(
            get()
                .together(4)
                .held(Hold::Arrived(4))
                .gives_status(503)
                .either()
                .status_of(&[200, 503])
                .any_content(),
        ),
        case("a broken stream breaks at all who have it", "RFC 9112 §8")
            .then(get().gives(&[FRESH]).gives_content("0123456789").fails(Fault::After(4)).broken())
            .then(get().gives(&[FRESH]).miss()),
    ]
}

#[tokio::test]
async fn concurrent_questions_share_what_may_be_shared() {
    holds_here("coalescing", cases()).await;
}
