//! What can be asked without credentials: a few paths to the letter, whatever the method; all else is refused before
//! anything is told of it, whether there is something at the path or not.

use std::net::SocketAddr;

use http::Method;

use crate::support::credentials::{Guarded, token};
use crate::support::document::operations;
use crate::support::raw::Raw;

const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "ANYTHING"];

/// The status of an answer to exactly this request line.
async fn status(address: SocketAddr, method: &str, target: &str) -> u16 {
    let mut raw = Raw::connect(address).await;
    raw.send(&format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    let head = raw.head().await;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[tokio::test]
async fn every_method_of_every_path_is_refused_before_anything_is_told_of_it() {
    let guarded = Guarded::start().await;
    let address = guarded.gateway.address();
    let documented = operations().into_iter().filter(|(_, _, operation)| operation.get("security").is_some());
    let guarded_paths =
        documented.map(|(path, ..)| path.replace("{id}", "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"));
    let unknown = ["/", "/nothing", "/api/v1/", "/api/v1/secret"].map(str::to_owned);
    for path in guarded_paths.chain(unknown) {
        for method in METHODS {
            assert_eq!(status(address, method, &path).await, 401, "{method} {path}");
        }
    }
    // What is no request at all is nobody's.
    assert_eq!(status(address, "CONNECT", "localhost:80").await, 501);
    assert_eq!(status(address, "GET", "*").await, 400);
    assert_eq!(status(address, "OPTIONS", "*").await, 401);
    let client = &guarded.gateway.client;
    let request = client.request(Method::GET, "/api/v1/secret").bearer_auth(token(""));
    client.send(request).await.problem(404);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn an_open_path_answers_its_own_methods_only() {
    let guarded = Guarded::start().await;
    let address = guarded.gateway.address();
    for path in
        ["/livez", "/readyz", "/api/v1/health", "/api/openapi.json", "/docs/", "/console", "/console/main.js"]
    {
        for method in METHODS {
            let expected = if ["GET", "HEAD"].contains(&method) { 200 } else { 405 };
            assert_eq!(status(address, method, path).await, expected, "{method} {path}");
        }
    }
    guarded.gateway.stop().await;
}

/// Below the documentation and the console there are their own files, and no way out.
const NO_WAY_OUT: [&str; 11] = [
    "/docs/../metrics",
    "/docs/../api/v1/metrics/consolidated",
    "/docs/..%2fmetrics",
    "/console/../metrics",
    "/console/%2e%2e/metrics",
    "/console//metrics",
    "/console/mod.rs",
    "/docs/%2e%2e/metrics",
    "/docs//metrics",
    "/docs/..",
    "http://localhost/docs/../metrics",
];

#[tokio::test]
async fn a_path_that_only_looks_like_an_open_one_is_not() {
    let guarded = Guarded::start().await;
    let address = guarded.gateway.address();
    for target in [
        "//livez",
        "/livez/",
        "/livez/.",
        "/livez%2f",
        "/%6civez",
        "/livez;a",
        "/livez%00",
        "/livez%3f",
        "/LIVEZ",
        "/./livez",
        "/x/../livez",
        "/docs\\..\\metrics",
        "/docs%2f",
        "/console%2f",
        "/console;/",
        "//console",
        "/consoles",
        "/.//console/../metrics",
        "/docs;/",
        "//docs/",
        "/.//docs/../metrics",
        "/livez/../metrics",
        "/api/v1/health/../metrics/consolidated",
        "/api/openapi.json/",
        "//metrics",
        "/metrics/",
        "http://localhost/metrics",
        "http://localhost//livez",
    ] {
        assert_eq!(status(address, "GET", target).await, 401, "{target}");
    }
    for target in NO_WAY_OUT {
        assert_eq!(status(address, "GET", target).await, 404, "{target}");
    }
    guarded.gateway.stop().await;
}
