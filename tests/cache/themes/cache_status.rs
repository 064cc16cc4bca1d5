//! What the cache says of itself on every answer: RFC 9211.

use crate::case::{Case, case, get, head, method};
use crate::suite::holds_here;

const HIT: &str = "RFC 9211 §2.1";
const FORWARD: &str = "RFC 9211 §2.2";
const TTL: &str = "RFC 9211 §2.4";
const STORED: &str = "RFC 9211 §2.5";
const COLLAPSED: &str = "RFC 9211 §2.6";
const FRESH: &str = "cache-control: max-age=60";

pub(crate) fn cases() -> Vec<Case> {
    [hits(), forwards(), members()].into_iter().flatten().collect()
}

fn hits() -> Vec<Case> {
    vec![
        case("an answer from the store is a hit", HIT)
            .then(get().gives(&[FRESH]))
            .then(get().after(3).hit().cache_status("hit").no_cache_status("fwd")),
        case("a hit tells how long it stays fresh", TTL)
            .then(get().gives(&[FRESH]))
            .then(get().after(10).hit().cache_status("ttl=50")),
        case("a 304 from the store is a hit", HIT)
            .then(get().gives(&[FRESH, "etag: \"a\""]))
            .then(get().sends("if-none-match: \"a\"").hit().status(304).cache_status("hit")),
        case("a part from the store is a hit", HIT)
            .then(get().gives(&[FRESH]).gives_content("0123456789"))
            .then(get().sends("range: bytes=0-1").hit().status(206).content("01").cache_status("hit")),
        case("a HEAD from the store is a hit", HIT)
            .then(get().gives(&[FRESH]))
            .then(head().hit().cache_status("hit")),
        case("a stale answer while revalidating has a negative ttl", TTL)
            .then(get().gives(&["cache-control: max-age=2, stale-while-revalidate=60"]))
            .then(get().after(5).asks(1).content_of(1).cache_status("hit").cache_status("ttl=-3")),
        case("concurrent clients are told that they shared", COLLAPSED)
            .then(get().together(1).gives(&[FRESH]).no_cache_status("collapsed")),
    ]
}

fn forwards() -> Vec<Case> {
    vec![
        case("the first question of a URL is a miss", FORWARD)
            .then(get().gives(&[FRESH]).cache_status("fwd=uri-miss").no_cache_status("hit")),
        case("another variant is a miss of Vary", FORWARD)
            .then(get().sends("x-a: 1").gives(&[FRESH, "vary: x-a"]))
            .then(get().sends("x-a: 2").miss().cache_status("fwd=vary-miss")),
        case("a stale answer that was confirmed is told as stale", FORWARD)
            .then(get().gives(&["cache-control: max-age=2", "etag: \"a\""]))
            .then(get().after(3).validated().cache_status("fwd=stale").cache_status("fwd-status=304")),
        case("a stale answer that was replaced is told as stale", FORWARD)
            .then(get().gives(&["cache-control: max-age=2"]))
            .then(get().after(3).miss().cache_status("fwd=stale")),
        case("a method that is not cached is told as such", FORWARD)
            .then(method("POST").carries("a").cache_status("fwd=method")),
        case("an unknown method is told as such", FORWARD).then(method("BREW").cache_status("fwd=method")),
        case("a client that wants the origin is told so", FORWARD)
            .hearing_clients()
            .then(get().gives(&[FRESH]))
            .then(get().sends("cache-control: no-cache").asks(1).cache_status("fwd=request")),
        case("a stored answer is told as stored", STORED).then(get().gives(&[FRESH]).cache_status("stored")),
        case("an answer that is not stored is not told as stored", STORED)
            .then(get().gives(&["cache-control: no-store"]).no_cache_status("stored")),
        case("a private answer is not told as stored", STORED)
            .then(get().gives(&["cache-control: private, max-age=60"]).no_cache_status("stored")),
        case("an answer over the cap is not told as stored", STORED)
            .largest_body(4)
            .then(get().gives(&[FRESH]).gives_content("01234").no_cache_status("stored")),
        case("a part of what is stored in part is told as partial", FORWARD)
            .then(
                get()
                    .sends("range: bytes=0-4")
                    .gives_status(206)
                    .gives(&[FRESH, "etag: \"a\"", "content-range: bytes 0-4/10"])
                    .gives_content("01234")
                    .content("01234"),
            )
            .then(
                get()
                    .after(3)
                    .gives_status(206)
                    .gives(&[FRESH, "etag: \"a\"", "content-range: bytes 5-9/10"])
                    .gives_content("56789")
                    .asks(1)
                    .content("0123456789")
                    .cache_status("fwd=partial"),
            ),
    ]
}

fn members() -> Vec<Case> {
    vec![
        case("the members of caches before are kept in front", "RFC 9211 §2")
            .then(
                get()
                    .gives(&[FRESH, "cache-status: Far; fwd=uri-miss; ttl=9"])
                    .cache_status("fwd=uri-miss")
                    .cache_status("stored"),
            )
            .then(get().hit().cache_status("hit")),
        case("an uncached answer carries one too", "RFC 9211 §2")
            .then(get().gives(&["cache-control: no-store"]).cache_status("fwd=uri-miss")),
        case("a failing answer carries one too", "RFC 9211 §2")
            .then(get().gives_status(500).cache_status("fwd=uri-miss")),
    ]
}

#[tokio::test]
async fn every_answer_tells_what_the_cache_did() {
    holds_here("cache_status", cases()).await;
}
