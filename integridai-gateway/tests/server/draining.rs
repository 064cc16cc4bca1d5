//! What happens to open connections when the server is told to stop.
use std::time::Instant;

use http::StatusCode;
use integridai_gateway::server::ServerOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Running, SHORT, http2, http2_request, within};

async fn closed(address: std::net::SocketAddr) {
    within(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place_and_does_not_hold_back_draining() {
    let server = Running::start(ServerOptions { max_connections: 1, ..ServerOptions::default() }).await;
    let mut socket = Client::connect(&server).await;
    socket.send("GET /echo HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await;
    assert!(socket.read_until("\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    let mut other = Client::connect(&server).await;
    assert!(other.read_to_close().await.starts_with("HTTP/1.1 503"));

    assert_eq!(server.stop().await.aborted, 0);
    socket.send("still here.").await;
    assert_eq!(socket.read_until(".").await, "still here.");
}

#[tokio::test]
async fn requests_in_flight_finish_while_draining_and_nobody_new_gets_in() {
    let mut server = Running::start(ServerOptions::default()).await;
    let mut client = Client::connect(&server).await;
    client.get("/gated").await;
    let mut sender = http2(&server).await;
    let second = tokio::spawn(sender.send_request(http2_request(&server, "/gated")));
    for _ in 0..2 {
        within(server.started.recv()).await;
    }
    let (address, gate) = (server.address, server.gate.clone());
    let stopping = tokio::spawn(server.stop());
    closed(address).await;
    gate.notify_waiters();
    let answer = client.read_answer().await;
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    let response = within(second).await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    let drained = within(stopping).await.unwrap();
    assert!(drained.finished >= 2 && drained.aborted == 0, "{drained:?}");
}

#[tokio::test]
async fn stuck_requests_are_cut_after_the_grace_period() {
    let mut server = Running::start(ServerOptions { grace: SHORT, ..ServerOptions::default() }).await;
    let mut client = Client::connect(&server).await;
    client.get("/stuck").await;
    let mut sender = http2(&server).await;
    let _second = tokio::spawn(sender.send_request(http2_request(&server, "/stuck")));
    for _ in 0..2 {
        within(server.started.recv()).await;
    }
    let (stop, stopping) = (Instant::now(), server.ended);
    server.stop.send(()).unwrap();
    let drained = within(stopping).await.unwrap();
    assert_eq!((drained.finished, drained.aborted), (0, 2));
    assert!(stop.elapsed() >= SHORT);
    for _ in 0..2 {
        within(server.dropped.recv()).await.expect("the request's future is dropped");
    }
    assert_eq!(client.read_to_close().await, "");
}

#[tokio::test]
async fn idle_connections_are_closed_when_draining_starts() {
    let server = Running::start(ServerOptions::default()).await;
    let mut used = Client::connect(&server).await;
    used.get("/").await;
    used.read_answer().await;
    let mut unused = Client::connect(&server).await;
    // A later connection that was served proves that the unused one was accepted.
    let mut last = Client::connect(&server).await;
    last.get("/").await;
    last.read_answer().await;
    let drained = server.stop().await;
    assert_eq!((drained.finished, drained.aborted), (3, 0));
    for client in [&mut used, &mut unused, &mut last] {
        assert_eq!(client.read_to_close().await, "");
    }
}

#[tokio::test]
async fn an_idle_connection_may_ask_once_more_and_is_told_that_this_was_the_last() {
    let patient = ServerOptions { linger: std::time::Duration::from_secs(60), ..ServerOptions::default() };
    let server = Running::start(patient).await;
    let mut unused = Client::connect(&server).await;
    let mut used = Client::connect(&server).await;
    used.get("/").await;
    assert!(!used.read_answer().await.contains("connection: close"));
    let (address, stopping) = (server.address, tokio::spawn(server.stop()));
    closed(address).await;
    for client in [&mut unused, &mut used] {
        client.get("/").await;
        let answer = client.read_answer().await;
        assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
        assert_eq!(client.read_to_close().await, "");
    }
    assert_eq!(within(stopping).await.unwrap().aborted, 0);
}

#[tokio::test]
async fn an_http2_connection_is_told_goaway() {
    let patient = ServerOptions { linger: std::time::Duration::from_secs(60), ..ServerOptions::default() };
    let server = Running::start(patient).await;
    let mut sender = http2(&server).await;
    within(sender.send_request(http2_request(&server, "/"))).await.unwrap();
    let mut raw = TcpStream::connect(server.address).await.unwrap();
    // The preface, empty SETTINGS, and a request of indexed fields: GET, http, /, and a host (RFC 7541 §6).
    raw.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    raw.write_all(b"\0\0\x09\x01\x05\0\0\0\x01\x82\x86\x84\x41\x04here").await.unwrap();
    until_frame(&mut raw, 1).await;
    let stopping = tokio::spawn(server.stop());
    until_frame(&mut raw, 7).await;
    drop(raw);
    drop(sender);
    assert_eq!(within(stopping).await.unwrap().aborted, 0);
}

/// Reads to a frame of this type (RFC 9113 §6).
async fn until_frame(stream: &mut TcpStream, kind: u8) {
    loop {
        let mut head = [0; 9];
        within(stream.read_exact(&mut head)).await.expect("the frame comes");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        within(stream.read_exact(&mut vec![0; length as usize])).await.unwrap();
        if head[3] == kind {
            return;
        }
    }
}
