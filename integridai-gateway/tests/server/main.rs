//! The HTTP server over real sockets: what clients can and cannot do, and how it drains.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#[cfg(feature = "tls")]
#[path = "../support/certificates.rs"]
mod certificates;
mod cores;
mod draining;
mod proxied;
mod share;
mod support;
#[cfg(feature = "tls")]
mod tls;

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use integridai_gateway::server::{ServerOptions, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use support::{Client, Running, SHORT, http2, http2_request, within};

fn impatient() -> ServerOptions {
    ServerOptions { header_read_timeout: SHORT, idle_timeout: SHORT, ..ServerOptions::default() }
}

#[tokio::test]
async fn one_connection_serves_many_requests_and_tells_who_asks() {
    let server = Running::start(ServerOptions::default()).await;
    let mut client = Client::connect(&server).await;
    let own_address = client.stream.local_addr().unwrap();
    for _ in 0..3 {
        client.get("/").await;
        let answer = client.read_answer().await;
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.ends_with(&format!("hello {own_address}")), "{answer}");
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_on_the_same_port() {
    let server = Running::start(ServerOptions::default()).await;
    let mut sender = http2(&server).await;
    let response = within(sender.send_request(http2_request(&server, "/"))).await.unwrap();
    assert_eq!((response.status(), response.version()), (StatusCode::OK, http::Version::HTTP_2));
    let body = within(response.into_body().collect()).await.unwrap().to_bytes();
    assert!(body.starts_with(b"hello 127.0.0.1:"));
}

#[tokio::test]
async fn slow_and_silent_clients_are_cut() {
    for opening in ["", "P", "PRI * HTTP/2.0\r\n\r\nS", "GET / HT", "GET / HTTP/1.1\r\nhost: he"] {
        let server = Running::start(impatient()).await;
        let before = Instant::now();
        let mut client = Client::connect(&server).await;
        client.send(opening).await;
        assert_eq!(client.read_to_close().await, "", "{opening:?}");
        assert!(before.elapsed() >= SHORT, "{opening:?} was cut early");
        assert_eq!(server.stop().await.aborted, 0, "{opening:?}");
    }
}

#[tokio::test]
async fn an_idle_keep_alive_connection_is_closed_after_the_idle_timeout() {
    let server = Running::start(impatient()).await;
    let mut client = Client::connect(&server).await;
    let before = Instant::now();
    client.get("/").await;
    client.read_answer().await;
    assert_eq!(client.read_to_close().await, "");
    assert!(before.elapsed() >= SHORT, "the connection was closed at once");
}

#[tokio::test]
async fn a_request_may_take_longer_than_its_headers() {
    let mut server = Running::start(impatient()).await;
    let mut client = Client::connect(&server).await;
    client.get("/gated").await;
    within(server.started.recv()).await;
    let mut next_byte = [0];
    let nothing_yet = tokio::time::timeout(3 * SHORT, client.stream.peek(&mut next_byte)).await;
    assert!(nothing_yet.is_err(), "the connection should just wait");
    server.gate.notify_one();
    assert!(client.read_answer().await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn heads_that_are_too_large_are_answered_with_431() {
    let server = Running::start(ServerOptions::default()).await;
    let large = format!("large: {}\r\n", "x".repeat(40 * 1024));
    let many = "many: x\r\n".repeat(101);
    for headers in [large, many] {
        let mut client = Client::connect(&server).await;
        client.send(&format!("GET / HTTP/1.1\r\nhost: here\r\n{headers}\r\n")).await;
        let head = client.read_until("\r\n").await;
        assert!(head.starts_with("HTTP/1.1 431"), "{head}");
    }
    let mut request = http2_request(&server, "/");
    request.headers_mut().insert("large", HeaderValue::from_str(&"x".repeat(40 * 1024)).unwrap());
    let response = within(http2(&server).await.send_request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn nonsense_is_answered_with_400() {
    let server = Running::start(ServerOptions::default()).await;
    for nonsense in ["\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
        let mut client = Client::connect(&server).await;
        client.send(nonsense).await;
        let answer = client.read_to_close().await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{nonsense:?}: {answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_answered_with_503() {
    let server = Running::start(ServerOptions { max_connections: 1, ..ServerOptions::default() }).await;
    let mut first = Client::connect(&server).await;
    first.get("/").await;
    first.read_answer().await;

    let mut second = Client::connect(&server).await;
    second.get("/").await;
    let refusal = second.read_to_close().await;
    assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
    assert!(refusal.contains("retry-after: 5\r\n"), "{refusal}");

    first.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    first.read_to_close().await;
    let mut asked = 1;
    let answer = loop {
        asked += 1;
        let mut third = Client::connect(&server).await;
        third.get("/").await;
        let answer = third.read_answer().await;
        if answer.starts_with("http/1.1 200") || asked > 1000 {
            break answer;
        }
    };
    assert!(answer.starts_with("http/1.1 200"), "the first connection's place is free again: {answer}");
    assert_eq!(server.stop().await.refused, asked - 1);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let options = ServerOptions { write_stall_timeout: SHORT, ..ServerOptions::default() };
    let mut server = Running::start(options).await;
    let mut client = Client::connect(&server).await;
    client.get("/endless").await;
    within(server.dropped.recv()).await;
}

#[tokio::test]
async fn a_panic_ends_nothing_but_its_own_exchange() {
    let server = Running::start(ServerOptions::default()).await;
    let mut bystander = Client::connect(&server).await;
    bystander.get("/").await;
    bystander.read_answer().await;
    let mut client = Client::connect(&server).await;
    client.get("/panic").await;
    assert_eq!(client.read_to_close().await, "");
    let mut sender = http2(&server).await;
    assert!(within(sender.send_request(http2_request(&server, "/panic"))).await.is_err());
    let response = within(sender.send_request(http2_request(&server, "/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    bystander.get("/").await;
    assert!(bystander.read_answer().await.starts_with("http/1.1 200"));
}

/// Panics when it is called without having been polled ready; a clone has to be polled again.
struct ReadyOnce {
    ready: bool,
}

impl Clone for ReadyOnce {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl tower::Service<Request<Incoming>> for ReadyOnce {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        std::future::ready(Ok(Response::new(Empty::new())))
    }
}

#[tokio::test]
async fn the_service_is_polled_ready_before_each_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(serve(
        listener,
        ReadyOnce { ready: false },
        ServerOptions::default(),
        std::future::pending(),
    ));
    let request =
        "GET / HTTP/1.1\r\nhost: here\r\n\r\nGET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answers = String::new();
    within(stream.read_to_string(&mut answers)).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}
