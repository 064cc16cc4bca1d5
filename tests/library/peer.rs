//! The other end of a socket, byte by byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// A server that does with each connection what the test says. Dropping it ends it.
pub(crate) struct Peer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

impl Peer {
    pub(crate) async fn start<F>(converse: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound listener has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                conversations.spawn(converse(Connection { stream, number }));
            }
        });
        Self { address, accepted, _connections: connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// One accepted connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Counts from 1.
    pub(crate) number: usize,
}

impl Connection {
    /// The next request, head and body; `None` once the client has closed.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && body.len() >= declared_length(head)
            {
                return Some(text.into_owned());
            }
            if self.stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Whether all of it could be written.
    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(text.as_ref()).await.is_ok()
    }

    /// Ends its own direction.
    pub(crate) async fn close(&mut self) {
        self.stream.shutdown().await.expect("it is open");
    }

    /// Waits until the client closes.
    pub(crate) async fn closed(&mut self) {
        let mut buffer = [0; 1024];
        while self.stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    }

    /// RST instead of FIN.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("it is open");
    }
}

fn declared_length(head: &str) -> usize {
    let value = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    value.map_or(0, |length| length.parse().expect("a number"))
}

/// A URL at which nobody listens, for as long as the socket lives: it keeps the port.
pub(crate) fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("loopback has free ports");
    let url = format!("http://{}", socket.local_addr().expect("a bound socket has an address"));
    (socket, url)
}

/// Fails instead of waiting for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it happens soon")
}
