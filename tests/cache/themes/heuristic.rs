//! Lifetimes that nobody wrote: RFC 9111 §4.2.2.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const HEURISTIC: &str = "RFC 9111 §4.2.2";
const DAY_OLD: &str = "last-modified: {-86400}";

/// Those of RFC 9110 §15.1 that need no request of their own.
const CACHEABLE: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const NOT_CACHEABLE: [u16; 15] = [201, 202, 299, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503, 504, 599];

pub(crate) fn cases() -> Vec<Case> {
    let pair = |id: String, status: u16, lines: &[&str]| {
        case(id, HEURISTIC).then(get().gives_status(status).gives(lines))
    };
    let reused_ones = CACHEABLE.map(|status| {
        pair(format!("{status} is reused by its Last-Modified"), status, &[DAY_OLD])
            .then(get().after(3).hit().status(status))
    });
    let others = NOT_CACHEABLE.map(|status| {
        pair(format!("{status} is not reused"), status, &[DAY_OLD]).then(get().after(3).miss())
    });
    let public = [201, 302, 403, 503, 599].map(|status| {
        pair(format!("{status} with public is reused"), status, &[DAY_OLD, "cache-control: public"])
            .then(get().after(3).hit().status(status))
    });
    reused_ones.into_iter().chain(others).chain(public).chain(lengths()).chain(withheld()).collect()
}

fn lengths() -> Vec<Case> {
    let lasts = |id: &str, modified: &str, seconds: u64| {
        case(id, HEURISTIC)
            .then(get().gives(&[modified]))
            .then(get().after(seconds - 1).hit())
            .then(get().after(1).validated())
    };
    vec![
        lasts("a tenth of a thousand seconds", "last-modified: {-1000}", 100),
        lasts("a tenth of an hour", "last-modified: {-3600}", 360),
        lasts("a tenth of a day", DAY_OLD, 8640),
        lasts("a Last-Modified in the form of RFC 850", "last-modified: {850 -1000}", 100),
        case("the tenth counts from Date", HEURISTIC)
            .then(get().gives(&["last-modified: {-1050}", "date: {-50}"]))
            .then(get().after(49).hit().shows("age: 99"))
            .then(get().after(1).validated()),
        case("a missing Date is the time of receipt", "RFC 9110 §6.6.1")
            .then(get().undated().gives(&["last-modified: {-1000}"]))
            .then(get().after(99).hit())
            .then(get().after(1).validated()),
        reused("a query does not stand against it", HEURISTIC, &[DAY_OLD]),
        reused(
            "must-revalidate does not stand against it",
            "RFC 9111 §5.2.2.2",
            &[DAY_OLD, "cache-control: must-revalidate"],
        ),
    ]
}

fn withheld() -> Vec<Case> {
    vec![
        refetched("a Last-Modified in the future gives no lifetime", HEURISTIC, &["last-modified: {+1000}"]),
        refetched("an invalid Last-Modified gives no lifetime", HEURISTIC, &["last-modified: yesterday"]),
        refetched("an ETag alone gives no lifetime", HEURISTIC, &["etag: \"a\""]),
        refetched("a past Expires stands against it", HEURISTIC, &[DAY_OLD, "expires: {-10}"]),
        refetched("an invalid Expires stands against it", "RFC 9111 §5.3", &[DAY_OLD, "expires: 0"]),
        refetched("max-age=0 stands against it", HEURISTIC, &[DAY_OLD, "cache-control: max-age=0"]),
        refetched("an invalid max-age stands against it", HEURISTIC, &[DAY_OLD, "cache-control: max-age=x"]),
        refetched(
            "a cookie for one client is not shared by it",
            "RFC 9111 §7.3",
            &[DAY_OLD, "set-cookie: a=b"],
        ),
        case("a modification of this second is validated", HEURISTIC)
            .then(get().gives(&["last-modified: {0}"]))
            .then(get().after(1).validated()),
    ]
}

#[tokio::test]
async fn lifetimes_that_nobody_wrote_are_a_tenth() {
    holds_here("heuristic", cases()).await;
}
