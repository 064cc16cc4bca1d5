//! What is stored, and what never: RFC 9111 §3 and §5.2.2.

use crate::case::{Case, case, get, refetched, reused};
use crate::script::{Fault, Framed};
use crate::suite::holds_here;

const NO_STORE: &str = "RFC 9111 §5.2.2.5";
const PRIVATE: &str = "RFC 9111 §5.2.2.7";
const NO_CACHE: &str = "RFC 9111 §5.2.2.4";
const FRESH: &str = "cache-control: max-age=3600";

pub(crate) fn cases() -> Vec<Case> {
    [forbidden(), unvalidated(), kept(), broken(), wholes()].into_iter().flatten().collect()
}

fn forbidden() -> Vec<Case> {
    let older = |id: &str, section, lines: &[&str]| {
        case(id, section)
            .hearing_clients()
            .then(get().gives(&[FRESH]))
            .then(get().after(3).sends("cache-control: no-cache").gives(lines))
            .then(get().after(3).hit().content_of(1))
    };
    vec![
        refetched("no-store is not stored", NO_STORE, &["cache-control: no-store"]),
        refetched(
            "no-store is not stored whatever else says so",
            NO_STORE,
            &["cache-control: public, max-age=3600, no-store", "expires: {+600}"],
        ),
        refetched(
            "no-store is not stored with validators",
            NO_STORE,
            &["cache-control: no-store", "etag: \"a\"", "last-modified: {-86400}"],
        ),
        refetched("private is not shared", PRIVATE, &["cache-control: private, max-age=3600"]),
        refetched(
            "private is not shared whatever s-maxage says",
            PRIVATE,
            &["cache-control: private, s-maxage=3600"],
        ),
        refetched(
            "private is not shared by Expires",
            PRIVATE,
            &["cache-control: private", "expires: {+600}"],
        ),
        older("no-store leaves an older answer", NO_STORE, &["cache-control: no-store"]),
        older(
            "no-store with max-age=0 leaves an older answer",
            NO_STORE,
            &["cache-control: no-store, max-age=0"],
        ),
        older("private leaves an older answer", PRIVATE, &["cache-control: private, max-age=3600"]),
        case("private for one field does not share that field", PRIVATE)
            .then(get().gives(&["cache-control: max-age=3600, private=\"x-mine\"", "x-mine: 1", "x-all: 2"]))
            .then(get().after(3).either().not_reused("x-mine")),
    ]
}

fn unvalidated() -> Vec<Case> {
    vec![
        refetched("no-cache without a validator goes to the origin", NO_CACHE, &["cache-control: no-cache"]),
        refetched(
            "no-cache goes to the origin whatever max-age says",
            NO_CACHE,
            &["cache-control: no-cache, max-age=3600", "expires: {+600}"],
        ),
        case("no-cache is stored and confirmed by ETag", NO_CACHE)
            .then(get().gives(&["cache-control: no-cache", "etag: \"a\""]))
            .then(get().after(3).validated().origin_saw("if-none-match: \"a\"")),
        case("no-cache is stored and confirmed by Last-Modified", NO_CACHE)
            .then(get().gives(&["cache-control: no-cache", "last-modified: {-86400}"]))
            .then(get().after(3).validated().origin_saw("if-modified-since: {-86400}")),
        case("no-cache with a lifetime is stored and confirmed", NO_CACHE)
            .then(get().gives(&["cache-control: no-cache, max-age=3600", "etag: \"a\""]))
            .then(get().validated())
            .then(get().after(3).validated()),
        case("no-cache for one field does not reuse that field", NO_CACHE)
            .then(get().gives(&["cache-control: max-age=3600, no-cache=\"x-mine\"", "x-mine: 1", "x-all: 2"]))
            .then(get().after(3).either().not_reused("x-mine")),
        case("no-cache for two fields does not reuse them", NO_CACHE)
            .then(get().gives(&["cache-control: max-age=3600, no-cache=\"x-a, x-b\"", "x-a: 1", "x-b: 2"]))
            .then(get().after(3).either().not_reused("x-a").not_reused("x-b")),
    ]
}

fn kept() -> Vec<Case> {
    let keeps = |field: &'static str| {
        case(format!("{field} is kept"), "RFC 9111 §3.1")
            .then(get().gives(&[FRESH, field]))
            .then(get().after(3).hit().shows(field))
    };
    let fields = [
        "x-plain: a, b;c=\"d\"",
        "content-type: text/plain;charset=utf-8",
        "content-language: de",
        "content-encoding: identity",
        "content-disposition: attachment; filename=a.txt",
        "content-location: /elsewhere",
        "content-md5: rL0Y20zC+Fzt72VPzMSk2A==",
        "content-security-policy: default-src 'self'",
        "clear-site-data: \"cookies\"",
        "link: </a>; rel=next",
        "server: origin",
        "set-cookie: a=b",
        "set-cookie2: a=b",
        "strict-transport-security: max-age=10",
        "vary: accept-charset",
        "via: 1.1 far",
        "www-authenticate: Basic realm=\"a\"",
        "public-key-pins: one",
        "last-modified: {-86400}",
        "etag: \"a\"",
        "expires: {+60}",
        "x-frame-options: deny",
        "x-xss-protection: 1; mode=block",
        "x-bytes: \u{e9}t\u{e9}",
    ];
    let fields = fields.map(keeps);
    let more = [
        case("all lines of a field are kept in their order", "RFC 9110 §5.3")
            .then(get().gives(&[FRESH, "x-many: 1", "x-many: 2", "set-cookie: a=b", "set-cookie: c=d"]))
            .then(get().after(3).hit().counts("x-many", 2).counts("set-cookie", 2).shows("set-cookie: c=d")),
        case("a cookie of the client does not stand against reuse", "RFC 9111 §7.3")
            .then(get().gives(&[FRESH]))
            .then(get().after(3).sends("cookie: a=b").hit()),
        reused("Pragma in an answer means nothing", "RFC 9111 §5.4", &[FRESH, "pragma: no-cache"]),
        reused("an unknown Pragma in an answer means nothing", "RFC 9111 §5.4", &[FRESH, "pragma: polite"]),
        refetched("Pragma alone gives no lifetime", "RFC 9111 §5.4", &["pragma: public"]),
        reused(
            "Surrogate-Control is of no standard and means nothing",
            "RFC 9213 §2",
            &[FRESH, "surrogate-control: no-store"],
        ),
    ];
    fields.into_iter().chain(more).collect()
}

fn broken() -> Vec<Case> {
    let breaks = |id: &str, framed, fault| {
        case(id, "RFC 9111 §3.3")
            .then(get().gives(&[FRESH]).framed(framed).gives_content("0123456789").fails(fault).broken())
            .then(get().after(3).miss())
    };
    vec![
        breaks("a truncated body of known length is not stored", Framed::Length, Fault::After(4)),
        breaks("a body that ends before its first byte is not stored", Framed::Length, Fault::After(0)),
        breaks("a truncated chunked body is not stored", Framed::Chunked, Fault::After(0)),
        case("a truncated confirmed range is not stored", "RFC 9111 §3.3")
            .then(get().gives(&["cache-control: max-age=2", "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .gives(&[FRESH, "etag: \"b\""])
                    .gives_content("0123456789")
                    .fails(Fault::After(4))
                    .broken(),
            )
            .then(get().after(3).miss()),
    ]
}

fn wholes() -> Vec<Case> {
    let large = "0123456789abcdef".repeat(16 * 1024);
    vec![
        case("an empty body is stored", "RFC 9111 §3")
            .then(get().gives(&[FRESH]).gives_content(""))
            .then(get().after(3).hit().content("").shows("content-length: 0")),
        case("a large body is stored whole", "RFC 9111 §3")
            .then(get().gives(&[FRESH]).gives_content(&large))
            .then(get().after(3).hit().content(&large)),
        case("a chunked body is stored whole", "RFC 9111 §3")
            .then(get().gives(&[FRESH]).framed(Framed::Chunked))
            .then(get().after(3).hit()),
        case("a body that ends with its connection is stored", "RFC 9112 §8")
            .then(get().gives(&[FRESH]).framed(Framed::UntilClosed))
            .then(get().after(3).hit()),
        case("a body over the cap passes whole and is not stored", "RFC 9111 §3")
            .largest_body(64)
            .then(get().gives(&[FRESH]).gives_content(&"x".repeat(65)))
            .then(get().after(3).miss()),
        case("a chunked body over the cap passes whole and is not stored", "RFC 9111 §3")
            .largest_body(64)
            .then(get().gives(&[FRESH]).framed(Framed::Chunked).gives_content(&"x".repeat(65)))
            .then(get().after(3).miss()),
        case("a body as large as the cap is stored", "RFC 9111 §3")
            .largest_body(64)
            .then(get().gives(&[FRESH]).gives_content(&"x".repeat(64)))
            .then(get().after(3).hit()),
        case("trailers are kept", "RFC 9110 §6.5")
            .then(get().sends("te: trailers").gives(&[FRESH, "trailer: x-sum"]).gives_trailers(&["x-sum: 9"]))
            .then(get().after(3).sends("te: trailers").hit().trailer("x-sum: 9")),
    ]
}

#[tokio::test]
async fn what_may_be_stored_is_and_nothing_else() {
    holds_here("storing", cases()).await;
}
