//! Connections that come by a proxy which says whose they are.
use integridai_gateway::server::{ProxyProtocol, ServerOptions};

use crate::support::{Client, Running, SHORT};

const HEADER: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 8080 80\r\n";

fn behind(is_trusted: fn(std::net::IpAddr) -> bool) -> ServerOptions {
    ServerOptions {
        proxy_protocol: Some(ProxyProtocol::from(is_trusted)),
        header_read_timeout: SHORT,
        ..ServerOptions::default()
    }
}

#[tokio::test]
async fn the_address_that_a_trusted_proxy_tells_is_the_clients() {
    let server = Running::start(behind(|peer| peer.is_loopback())).await;
    let mut client = Client::connect(&server).await;
    client.send(HEADER).await;
    for _ in 0..2 {
        client.get("/").await;
        let answer = client.read_answer().await;
        assert!(answer.ends_with("hello 192.0.2.1:8080"), "{answer}");
    }
    let mut checking = Client::connect(&server).await;
    let own = checking.stream.local_addr().unwrap();
    checking.send("PROXY UNKNOWN\r\n").await;
    checking.get("/").await;
    assert!(checking.read_answer().await.ends_with(&format!("hello {own}")));
}

#[tokio::test]
async fn who_says_nothing_of_its_client_is_cut_and_others_are_served() {
    let server = Running::start(behind(|peer| peer.is_loopback())).await;
    for opening in ["", "PROXY TCP4 192.0", "GET / HTTP/1.1\r\nhost: here\r\n\r\n", "\r\n\r\n\0\r\nQUIT\n"] {
        let mut client = Client::connect(&server).await;
        client.send(opening).await;
        assert_eq!(client.read_to_close().await, "", "{opening:?}");
        let mut other = Client::connect(&server).await;
        other.send(HEADER).await;
        other.get("/").await;
        assert!(other.read_answer().await.starts_with("http/1.1 200"), "after {opening:?}");
    }
}

#[tokio::test]
async fn who_is_not_trusted_is_not_listened_to() {
    let server = Running::start(behind(|_| false)).await;
    let mut client = Client::connect(&server).await;
    // The connection may be gone before all is sent.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, HEADER.as_bytes()).await;
    assert_eq!(client.read_to_close().await, "");
    assert_eq!(server.stop().await.refused, 0);
}
