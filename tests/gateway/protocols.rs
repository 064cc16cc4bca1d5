//! HTTP/1.1 and HTTP/2, compression, other origins.

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::client::{Answer, CONSOLIDATED, Client, EXECUTE, HEALTH, SUBSCRIBE};
use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::requests::analysis;
use crate::support::within;

const ORIGIN: &str = "https://console.example.org";

#[tokio::test]
async fn http_2_is_spoken_to_those_who_begin_with_it() {
    let gateway = Gateway::start().await;
    let client = Client::http2(gateway.address());
    for path in ["/livez", HEALTH, CONSOLIDATED, "/api/openapi.json", "/metrics", "/docs/"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    client.execute(&analysis()).await.ok();
    client.execute(&json!({})).await.failure(422, None);
    client.get("/nowhere").await.problem(404);
    client.execute_text("x".repeat(2_000_000)).await.failure(413, None);
    gateway.stop().await;
}

#[tokio::test]
async fn a_hundred_requests_share_one_http_2_connection() {
    let gateway = Gateway::start().await;
    let client = Client::http2(gateway.address());
    client.get("/livez").await;
    let executions = (0..100).map(|_| async { client.execute(&analysis()).await.ok() });
    let results: Vec<_> = futures_util::stream::iter(executions).buffer_unordered(100).collect().await;
    assert_eq!(results.len(), 100);
    assert_eq!(gateway.dashboard().control().report().applied, 100);
    gateway.stop().await;
}

#[tokio::test]
async fn subscribing_over_http_2_without_its_websockets_is_a_problem() {
    let gateway = Gateway::start().await;
    let answer = Client::http2(gateway.address()).get(SUBSCRIBE).await;
    // There is nothing to upgrade in HTTP/2 (RFC 9113 §8.6).
    answer.problem(400);
    gateway.stop().await;
}

#[tokio::test]
async fn a_websocket_over_http_2_gets_events_like_any_other() {
    let gateway = Gateway::start().await;
    gateway.client.get(CONSOLIDATED).await.ok();
    let stream = TcpStream::connect(gateway.address()).await.expect("it listens");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = within(handshake).await.expect("HTTP/2");
    tokio::spawn(connection);
    let url = |path: &str| format!("http://{}{path}", gateway.address());
    let get = http::Request::get(url("/livez")).body(Empty::<Bytes>::new()).expect("a request");
    // Whether extended CONNECT may be used is known once the server's settings are there (RFC 8441 §3).
    assert_eq!(within(sender.send_request(get)).await.expect("an answer").status(), 200);
    let connect = http::Request::connect(url(SUBSCRIBE))
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(Empty::new())
        .expect("a request");
    let answer = within(sender.send_request(connect)).await.expect("an answer");
    assert_eq!(answer.status(), 200, "{answer:?}");
    let upgraded = TokioIo::new(within(hyper::upgrade::on(answer)).await.expect("an upgrade"));
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let mut next = async || within(socket.next()).await.expect("open").expect("a message").to_string();
    assert!(next().await.contains("metrics_update"));
    gateway.client.execute(&analysis()).await.ok();
    assert!(next().await.contains("analysis_complete"));
    let ended = gateway.begin_stop();
    assert!(
        matches!(within(socket.next()).await, Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Away)
    );
    drop((socket, sender));
    within(ended).await.expect("no panic");
}

#[tokio::test]
async fn one_http_1_connection_serves_one_request_after_another_and_pipelined_ones_in_order() {
    let gateway = Gateway::start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    for path in ["/livez", "/nowhere", "/readyz"] {
        raw.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nx-correlation-id: {}\r\n\r\n",
            &path[1..]
        ))
        .await;
    }
    raw.send("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-correlation-id: last\r\n\r\n")
        .await;
    let all = String::from_utf8(raw.rest().await).expect("text");
    let ids: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("x-correlation-id: ")).collect();
    assert_eq!(ids, ["livez", "nowhere", "readyz", "last"], "{all}");
    gateway.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let gateway = Gateway::start().await;
    let get = async |path: &str, accepted: &str| {
        let request = gateway.client.request(Method::GET, path).header("accept-encoding", accepted);
        gateway.client.send(request).await
    };
    for path in ["/api/openapi.json", CONSOLIDATED, "/docs/swagger-ui.css"] {
        let plain = gateway.client.get(path).await;
        assert_eq!(plain.header("content-encoding"), "");
        let small = get(path, "gzip").await;
        assert_eq!((small.status, small.header("content-encoding")), (200, "gzip"), "{path}");
        assert!(
            small.header("vary").to_lowercase().contains("accept-encoding"),
            "{path}: {:?}",
            small.headers
        );
        assert!(small.body.starts_with(&[0x1f, 0x8b]) && small.body.len() < plain.body.len(), "{path}");
        for other in ["identity", "br", "gzip;q=0"] {
            assert_eq!(get(path, other).await.header("content-encoding"), "", "{path} {other}");
        }
    }
    let problem = get("/nowhere", "gzip").await;
    assert_eq!(problem.header("content-encoding"), "");
    problem.problem(404);
    gateway.stop().await;
}

async fn from(gateway: &Gateway, origin: &str, method: Method, path: &str, headers: HeaderMap) -> Answer {
    let request = gateway.client.request(method, path).header("origin", origin).headers(headers);
    gateway.client.send(request).await
}

fn preflight() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("access-control-request-method", http::HeaderValue::from_static("POST"));
    let wanted = "content-type,x-correlation-id,authorization,x-api-key";
    headers.insert("access-control-request-headers", http::HeaderValue::from_static(wanted));
    headers
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_and_read_errors_too() {
    let gateway = Gateway::with(&[("CORS__ALLOWED_ORIGINS", r#"["https://console.example.org"]"#)]).await;
    let asked = from(&gateway, ORIGIN, Method::OPTIONS, EXECUTE, preflight()).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, ORIGIN), "{asked:?}");
    assert!(asked.header("access-control-allow-methods").contains("POST"), "{asked:?}");
    for header in ["content-type", "x-correlation-id", "authorization", "x-api-key"] {
        assert!(asked.header("access-control-allow-headers").contains(header), "{asked:?}");
    }
    for (method, path, status) in [
        (Method::GET, HEALTH, 200),
        (Method::GET, "/nowhere", 404),
        (Method::POST, EXECUTE, 415),
        (Method::DELETE, EXECUTE, 405),
    ] {
        let answer = from(&gateway, ORIGIN, method, path, HeaderMap::new()).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, ORIGIN),
            "{answer:?}"
        );
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for header in
            ["x-correlation-id", "location", "retry-after", "www-authenticate", "age", "cache-status"]
        {
            assert!(exposed.contains(header), "{answer:?}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_not_allowed() {
    let gateway = Gateway::with(&[("CORS__ALLOWED_ORIGINS", r#"["https://console.example.org"]"#)]).await;
    for origin in [
        "https://evil.example.org",
        "http://console.example.org",
        "https://console.example.org.evil.example",
        "https://console.example.org:8443",
        "null",
    ] {
        for (method, headers) in [(Method::OPTIONS, preflight()), (Method::GET, HeaderMap::new())] {
            let answer = from(&gateway, origin, method, HEALTH, headers).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}: {answer:?}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn without_allowed_origins_no_page_may_call() {
    let gateway = Gateway::start().await;
    let asked = from(&gateway, ORIGIN, Method::OPTIONS, EXECUTE, preflight()).await;
    asked.failure(405, None);
    let answer = from(&gateway, ORIGIN, Method::GET, HEALTH, HeaderMap::new()).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_harms_nobody() {
    let gateway = Gateway::start().await;
    for nonsense in [&b"\x16\x03\x01\x02\x00\x01"[..], b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0; 100]]
    {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send_bytes(nonsense).await;
        let said = raw.rest().await;
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400 "), "{said:?}");
    }
    assert_eq!(within(gateway.client.get("/livez")).await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_name_that_is_made_to_resolve_to_this_machine_reaches_nothing() {
    let gateway = Gateway::start().await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (path, more) in [("/api/v1/health", "connection: close\r\n"), ("/api/v1/realtime/subscribe", upgrade)]
    {
        for (hosts, status) in [
            ("host: evil.example\r\n", "421"),
            ("host: localhost.evil.example:3002\r\norigin: http://localhost.evil.example:3002\r\n", "421"),
            ("", "400"),
            ("host: localhost\r\nhost: localhost\r\n", "400"),
        ] {
            let mut raw = Raw::connect(gateway.address()).await;
            raw.send(&format!("GET {path} HTTP/1.1\r\n{hosts}{more}\r\n")).await;
            let head = raw.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {hosts:?}: {head}");
        }
    }
    gateway.stop().await;
}
