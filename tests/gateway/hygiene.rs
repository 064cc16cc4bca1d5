//! Requests that are malformed or ambiguous, byte by byte: each is refused as it should be, and the connection is closed, so
//! that nothing of it is taken for another request. The others are served meanwhile.

use std::time::{Duration, Instant};

use crate::proxy::over;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::raw::Raw;
use crate::support::within;

struct Exchange {
    what: String,
    said: Vec<u8>,
    /// The status of the one answer before the end of the connection.
    expected: u16,
}

fn exchange(said: impl Into<Vec<u8>>, expected: u16) -> Exchange {
    let said = said.into();
    let what = String::from_utf8_lossy(&said[..said.len().min(160)]).into_owned();
    Exchange { what, said, expected }
}

/// The request that a smuggler would have served to somebody else.
const HIDDEN: &str = "GET /api/v1/regtech/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A request with these fields, and something behind its head that may be content or a request.
fn posting(fields: &str) -> String {
    format!("POST /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n\r\n{HIDDEN}")
}

fn getting(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{fields}connection: close\r\n\r\n")
}

fn lengths() -> Vec<Exchange> {
    let many_zeros = format!("content-length: {}1", "0".repeat(30));
    [
        ("content-length: 5\r\ntransfer-encoding: chunked", 400),
        ("transfer-encoding: chunked\r\ncontent-length: 5", 400),
        ("Transfer-Encoding: chunked\r\nx: y\r\nCONTENT-LENGTH: 0", 400),
        ("content-length: 5\r\ncontent-length: 6", 400),
        ("content-length: 5\r\ncontent-length: 5", 400),
        ("content-length: 5, 5", 400),
        ("content-length: 5, 6", 400),
        ("content-length: +5", 400),
        ("content-length: -5", 400),
        ("content-length: 0x5", 400),
        ("content-length: 5 5", 400),
        ("content-length: 5.0", 400),
        ("content-length: \"5\"", 400),
        ("content-length: ", 400),
        ("content-length: 99999999999999999999999", 400),
        ("content-length: 18446744073709551616", 400),
        (&many_zeros, 400),
        ("transfer-encoding: identity", 400),
        ("transfer-encoding: chunked, identity", 400),
        ("transfer-encoding: gzip", 400),
        ("transfer-encoding: xchunked", 400),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", 400),
        ("transfer-encoding: gzip\r\ntransfer-encoding: chunked", 400),
        ("transfer-encoding: \x0bchunked", 400),
        ("transfer-encoding: gzip, chunked", 501),
        ("transfer-encoding: chunked, chunked", 501),
    ]
    .map(|(fields, status)| exchange(posting(fields), status))
    .into()
}

fn lines() -> Vec<Exchange> {
    let get = "GET /livez HTTP/1.1";
    [
        format!("{get}\nhost: localhost\n\n"),
        format!("{get}\r\nhost: localhost\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: y\n{HIDDEN}"),
        format!("{get}\r\nhost: localhost\r\n\n{HIDDEN}"),
        format!("\n{get}\r\nhost: localhost\r\n\r\n"),
        format!("{get}\rhost: localhost\r\r\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: a\rb\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: a\r\n\tb\r\n\r\n"),
        format!("{get}\r\n host: localhost\r\n\r\n"),
        format!("{get}\r\nhost : localhost\r\n\r\n"),
        posting("content-length : 5"),
        posting("transfer-encoding\t: chunked"),
        format!("{get}\r\nhost: localhost\r\nx: a\0b\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx\0: a\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx y: a\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx(y): a\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\n: a\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nno colon\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: a\x7f\r\n\r\n"),
        format!("{get}\r\nhost: localhost\r\nx: \x1b[2J\r\n\r\n"),
    ]
    .map(|said| exchange(said, 400))
    .into()
}

fn request_lines() -> Vec<Exchange> {
    let fields = "\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let long = format!("GET /{} HTTP/1.1", "a".repeat(9_000));
    let longer = format!("GET /livez?{} HTTP/1.1", "a".repeat(30_000));
    [
        ("GET /livez", 400),
        ("GET  /livez HTTP/1.1", 400),
        ("GET /livez  HTTP/1.1", 400),
        ("GET /livez HTTP/1.1 ", 400),
        ("GET\t/livez\tHTTP/1.1", 400),
        (" GET /livez HTTP/1.1", 400),
        ("GET /livez HTTP/2.0", 400),
        ("GET /livez HTTP/1.2", 400),
        ("GET /livez HTTP/0.9", 400),
        ("GET /livez http/1.1", 400),
        ("GET /livez HTTP/1.10", 400),
        ("GET /livez HTTP/01.1", 400),
        ("G(T /livez HTTP/1.1", 400),
        ("G\0T /livez HTTP/1.1", 400),
        ("GET /li vez HTTP/1.1", 400),
        ("GET /li\0vez HTTP/1.1", 400),
        ("GET /li\x7fvez HTTP/1.1", 400),
        ("GET livez HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET localhost:80 HTTP/1.1", 400),
        ("GET ftp://localhost/livez HTTP/1.1", 400),
        ("PRI * HTTP/2.0", 400),
        ("CONNECT localhost:80 HTTP/1.1", 501),
        ("CONNECT evil.example:443 HTTP/1.1", 501),
        (&long, 414),
        (&longer, 414),
    ]
    .map(|(line, status)| exchange(format!("{line}{fields}"), status))
    .into()
}

fn hosts() -> Vec<Exchange> {
    [
        ("/livez", "", 400),
        ("/livez", "host: localhost\r\nhost: localhost\r\n", 400),
        ("/livez", "host: localhost\r\nHost: evil.example\r\n", 400),
        ("/livez", "host: localhost, evil.example\r\n", 400),
        ("/livez", "host: \r\n", 400),
        ("/livez", "host: user@localhost\r\n", 400),
        ("/livez", "host: localhost/livez\r\n", 400),
        ("/livez", "host: localhost:99999\r\n", 400),
        ("/livez", "host: local host\r\n", 400),
        ("/livez", "host: evil.example\r\n", 421),
        ("/livez", "host: localhost.evil.example\r\n", 421),
        ("http://localhost/livez", "", 400),
        ("http://localhost/livez", "host: evil.example\r\n", 400),
        ("http://evil.example/livez", "host: localhost\r\n", 400),
        ("http://evil.example/livez", "host: evil.example\r\n", 421),
        ("http://evil.example@localhost/livez", "host: localhost\r\n", 400),
        ("http:///livez", "host: localhost\r\n", 400),
    ]
    .map(|(target, fields, status)| exchange(getting(target, fields), status))
    .into()
}

fn contents() -> Vec<Exchange> {
    let chunked = |content: &str| {
        let head = "POST /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{content}{HIDDEN}")
    };
    let zeros = "0".repeat(2_000_000);
    let extension = format!("1;{}\r\na\r\n0\r\n\r\n", "e".repeat(2_000_000));
    let trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(100_000));
    [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\na\r\n0\r\n\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1 1\r\na\r\n0\r\n\r\n",
        "1;a\nb\r\na\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "10000000000000000\r\n",
        "0\r\nx: y\n\r\n",
        "0\r\nx y: z\r\n\r\n",
        "0\r\nx : y\r\n\r\n",
        &zeros,
        &extension,
        &trailers,
    ]
    .map(|content| exchange(chunked(content), 400))
    .into()
}

fn sizes() -> Vec<Exchange> {
    let head =
        "POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    [
        (getting("/livez", &format!("host: localhost\r\nx: {}\r\n", "y".repeat(40_000))), 431),
        (getting("/livez", &format!("host: localhost\r\n{}", "x: y\r\n".repeat(101))), 431),
        (getting("/livez", &format!("host: localhost\r\n{}: y\r\n", "x".repeat(70_000))), 431),
        (format!("{head}content-length: 99999999999\r\n\r\n"), 413),
        (format!("{head}content-length: 1048577\r\nexpect: 100-continue\r\n\r\n"), 413),
        (format!("{head}transfer-encoding: chunked\r\n\r\n200000\r\n{}", "a".repeat(1_100_000)), 413),
        (posting("content-length: 1048577"), 413),
        (posting("expect: 200-ok\r\ncontent-length: 50"), 417),
        (posting("expect: 100-continue, x\r\ncontent-length: 50"), 417),
        (getting("/livez", "host: localhost\r\nexpect: the-unexpected\r\n"), 417),
        (getting("/api/v1/realtime/subscribe", "host: localhost\r\n"), 426),
        ("POST /livez HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
    ]
    .map(|(said, status)| exchange(said, status))
    .into()
}

fn noise() -> Vec<Exchange> {
    vec![
        exchange("\x16\x03\x01\x02\x00\x01\x00\x01\r\n", 400),
        exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\n\r\n", 400),
        exchange("SSH-2.0-OpenSSH_9.6\r\n\r\n", 400),
        exchange("EHLO localhost\r\n\r\n", 400),
        exchange([0; 100], 400),
    ]
}

/// How long the answer took, for whoever reads the output.
async fn refused(gateway: &Gateway, row: &Exchange) -> Duration {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send_what_is_taken(&row.said).await;
    let said = String::from_utf8_lossy(&raw.rest().await).into_owned();
    let answers: Vec<&str> = said.split("HTTP/1.1 ").skip(1).collect();
    let codes: Vec<&str> = answers.iter().map(|answer| &answer[..3]).collect();
    assert_eq!(codes, [row.expected.to_string()], "{:?}: {said}", row.what);
    let asked = Instant::now();
    assert_eq!(within(gateway.client.get("/livez")).await.status, 200, "after {:?}", row.what);
    asked.elapsed()
}

#[tokio::test]
async fn what_is_malformed_or_ambiguous_is_refused_and_the_connection_ends() {
    let origin = Origin::start(async |request: axum::extract::Request| {
        let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        axum::response::Response::new(axum::body::Body::from(format!("{:?}", read.map(|bytes| bytes.len()))))
    })
    .await;
    // Whatever does not end by itself is not taken for refused.
    let gateway = over(&origin, &[("SERVER__IDLE_TIMEOUT_SECONDS", "600")]).await;
    let tables = [lengths(), lines(), request_lines(), hosts(), contents(), sizes(), noise()];
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for row in tables.iter().flatten() {
        slowest = slowest.max(refused(&gateway, row).await);
        count += 1;
    }
    assert!(origin.heads().iter().all(|head| !head.uri.path().ends_with("hidden")), "{:?}", origin.heads());
    println!("{count} exchanges; the slowest answer after one took {slowest:?}");
    gateway.stop().await;
}
