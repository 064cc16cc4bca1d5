//! Methods other than GET and HEAD, and the POST whose answer a GET may have: RFC 9111 §3, RFC 9110 §9.3.3.

use crate::case::{Case, case, get, method};
use crate::suite::holds_here;

const METHOD: &str = "RFC 9111 §3";
const POST: &str = "RFC 9110 §9.3.3";
const FRESH: &str = "cache-control: max-age=3600";

const PASSED: [&str; 12] = [
    "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "M-SEARCH", "PURGE", "BREW",
    "get",
];

pub(crate) fn cases() -> Vec<Case> {
    let passed = PASSED.map(|name| {
        case(format!("{name} goes to the origin each time"), METHOD)
            .then(method(name).gives(&[FRESH, "etag: \"a\""]))
            .then(method(name).after(3).miss().gives(&[FRESH]).origin_missed("if-none-match"))
    });
    let not_for_get = ["POST", "PUT", "OPTIONS", "BREW"].map(|name| {
        case(format!("an answer to {name} does not answer a GET"), METHOD)
            .then(method(name).gives(&[FRESH]))
            .then(get().after(3).miss())
    });
    passed.into_iter().chain(not_for_get).chain(posts()).collect()
}

fn posts() -> Vec<Case> {
    let post = || method("POST").carries("12345").sends("content-type: text/plain");
    vec![
        case("a POST with max-age and its own Content-Location answers a GET", POST)
            .then(post().gives(&[FRESH, "content-location: /item"]))
            .then(get().after(3).hit()),
        case("a POST with Expires and its own Content-Location answers a GET", POST)
            .then(post().gives(&["expires: {+600}", "content-location: /item"]))
            .then(get().after(3).hit()),
        case("a POST with a full Content-Location answers a GET", POST)
            .then(post().gives(&[FRESH, "content-location: http://origin.test/item"]))
            .then(get().after(3).hit()),
        case("a POST without freshness answers no GET", POST)
            .then(post().gives(&["content-location: /item", "last-modified: {-86400}"]))
            .then(get().after(3).miss()),
        case("a POST with another Content-Location answers no GET", POST)
            .then(post().gives(&[FRESH, "content-location: /other"]))
            .then(get().after(3).miss())
            .then(get().at("/other").miss()),
        case("a POST with the Content-Location of another host answers no GET", POST)
            .then(post().gives(&[FRESH, "content-location: http://other.test/item"]))
            .then(get().after(3).miss()),
        case("a stored POST never answers a POST", POST)
            .then(post().gives(&[FRESH, "content-location: /item"]))
            .then(post().after(3).miss().gives(&[FRESH])),
        case("a POST that failed answers no GET", POST)
            .then(post().gives_status(500).gives(&[FRESH, "content-location: /item"]))
            .then(get().after(3).miss()),
        case("a POST that may not be stored answers no GET", "RFC 9111 §5.2.2.5")
            .then(post().gives(&["cache-control: no-store, max-age=60", "content-location: /item"]))
            .then(get().after(3).miss()),
        case("a POST of one client is not shared with a GET", "RFC 9111 §3.5")
            .then(post().sends("authorization: Bearer a").gives(&[FRESH, "content-location: /item"]))
            .then(get().after(3).miss()),
        case("contents of requests pass whole", METHOD)
            .then(post().miss().origin_got("12345"))
            .then(method("PUT").carries("other").miss().origin_got("other")),
        case("a POST beside a fresh GET goes to the origin", METHOD)
            .then(get().gives(&[FRESH]))
            .then(post().after(3).miss()),
        case("a GET with content is not answered from the store of one without", "RFC 9110 §9.3.1")
            .then(get().gives(&[FRESH]))
            .then(get().after(3).carries("query").either().any_content()),
    ]
}

#[tokio::test]
async fn other_methods_reach_the_origin() {
    holds_here("methods", cases()).await;
}
