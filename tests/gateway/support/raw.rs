//! A client that says exactly the bytes it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::client::SUBSCRIBE;
use super::within;

pub(crate) struct Raw {
    stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("it listens") }
    }

    /// With little room for what it does not read.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4 * 1024).expect("a small buffer");
        Self { stream: socket.connect(address).await.expect("it listens") }
    }

    /// Subscribes to events, with little room for what it does not read.
    pub(crate) async fn subscribe(address: SocketAddr) -> Self {
        Self::subscribe_to(address, "").await
    }

    /// The same, with a query.
    pub(crate) async fn subscribe_to(address: SocketAddr, query: &str) -> Self {
        let mut raw = Self::connect_narrow(address).await;
        raw.send(&format!(
            "GET {SUBSCRIBE}{query} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.expect("the bytes leave");
    }

    /// Says that nothing more comes.
    pub(crate) async fn stop(&mut self) {
        within(self.stream.shutdown()).await.expect("the end leaves");
    }

    /// Says as much of it as is taken: whoever is refused may be cut before the end.
    pub(crate) async fn send_what_is_taken(&mut self, bytes: &[u8]) {
        // What was answered by then is still there to be read.
        let _ = within(self.stream.write_all(bytes)).await;
    }

    /// The head of an answer, up to the empty line.
    pub(crate) async fn head(&mut self) -> String {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            read.push(within(self.stream.read_u8()).await.expect("the answer goes on"));
        }
        String::from_utf8(read).expect("a head is text")
    }

    /// All that comes until the connection ends, however it ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        // A reset is an end too; what came before it counts.
        let _ = within(self.stream.read_to_end(&mut read)).await;
        read
    }

    /// The next bytes; none at the end.
    pub(crate) async fn some(&mut self) -> Vec<u8> {
        let mut read = vec![0; 64 * 1024];
        let count = within(self.stream.read(&mut read)).await.unwrap_or(0);
        read.truncate(count);
        read
    }
}
