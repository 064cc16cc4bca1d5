//! Fields of one connection, which are not stored: RFC 9111 §3.1, RFC 9110 §7.6.1.

use crate::case::{Case, case, get};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §3.1";
const FRESH: &str = "cache-control: max-age=3600";

const DROPPED: [(&str, &str); 10] = [
    ("connection", "connection: x-hop"),
    ("keep-alive", "keep-alive: timeout=5"),
    ("te", "te: trailers"),
    ("upgrade", "upgrade: other/1"),
    ("proxy-connection", "proxy-connection: keep-alive"),
    ("proxy-authenticate", "proxy-authenticate: Basic realm=\"a\""),
    ("proxy-authentication-info", "proxy-authentication-info: nextnonce=\"a\""),
    ("proxy-authorization", "proxy-authorization: Basic abc"),
    ("x-hop", "connection: x-hop\r\nx-hop: 1"),
    ("x-second", "connection: x-hop, X-Second\r\nx-second: 1"),
];

pub(crate) fn cases() -> Vec<Case> {
    let dropped = DROPPED.map(|(name, line)| {
        case(format!("{name} is not stored ({})", line.len()), SECTION)
            .then(get().gives(&[FRESH, line, "x-kept: 1"]))
            .then(get().after(3).hit().lacks(name).shows("x-kept: 1"))
    });
    dropped.into_iter().chain(others()).collect()
}

fn others() -> Vec<Case> {
    vec![
        case("fields named on two lines of Connection are not stored", SECTION)
            .then(get().gives(&[FRESH, "connection: x-a", "connection: x-b", "x-a: 1", "x-b: 2", "x-c: 3"]))
            .then(get().after(3).hit().lacks("x-a").lacks("x-b").shows("x-c: 3")),
        case("a field that Connection names is dropped for one answer only", SECTION)
            .then(get().gives(&["cache-control: max-age=2", "etag: \"a\"", "connection: x-a", "x-a: 1"]))
            .then(get().after(3).validated().gives(&[FRESH, "x-a: 2"]))
            .then(get().after(3).hit().shows("x-a: 2")),
        case("a chunked answer is stored without its framing", SECTION)
            .then(get().gives(&[FRESH]).framed(crate::script::Framed::Chunked))
            .then(get().after(3).hit().counts("transfer-encoding", 0).shows("content-length: 8")),
        case("Via of the origin's side is kept", "RFC 9110 §7.6.3")
            .then(get().gives(&[FRESH, "via: 1.1 far"]))
            .then(get().after(3).hit().shows("via: 1.1 far")),
        case("a field of Connection that governs caching is still obeyed", "RFC 9110 §7.6.1")
            .then(get().gives(&["cache-control: no-store", "connection: cache-control"]))
            .then(get().after(3).miss()),
    ]
}

#[tokio::test]
async fn fields_of_one_connection_are_not_stored() {
    holds_here("hop_by_hop", cases()).await;
}
