//! Subscribers that come and go as they please, and take up where they left.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::plan::fork;
use crate::support::Seed;

pub(crate) const TOPICS: &str = "analysis_complete,training_progress";
const HANDSHAKE: Duration = Duration::from_secs(3);

/// What all of them share.
#[derive(Debug)]
pub(crate) struct Subscribers {
    address: SocketAddr,
    pub(crate) connections: AtomicUsize,
    /// The last event that there will be, once that is known.
    last: watch::Sender<Option<u64>>,
}

/// What one of them was told: the cursors, as they came, and the executions.
pub(crate) type Told = Vec<(u64, String)>;

impl Subscribers {
    pub(crate) fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self { address, connections: AtomicUsize::new(0), last: watch::Sender::new(None) })
    }

    pub(crate) fn start(self: &Arc<Self>, count: usize, seed: &mut Seed) -> JoinSet<Told> {
        let mut subscribers = JoinSet::new();
        for _ in 0..count {
            let one = Subscriber { shared: Arc::clone(self), cursor: 0, told: Vec::new(), seed: fork(seed) };
            subscribers.spawn(one.follow());
        }
        subscribers
    }

    /// Each goes on until it has this one.
    pub(crate) fn end_after(&self, cursor: u64) {
        self.last.send_replace(Some(cursor));
    }
}

struct Subscriber {
    shared: Arc<Subscribers>,
    cursor: u64,
    told: Told,
    seed: Seed,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Subscriber {
    async fn follow(mut self) -> Told {
        while !self.has_all() {
            match self.connect().await {
                Some(socket) => self.listen(socket).await,
                None => tokio::time::sleep(Duration::from_millis(self.seed.between(50, 400))).await,
            }
        }
        self.told
    }

    fn has_all(&self) -> bool {
        self.shared.last.borrow().is_some_and(|last| self.cursor >= last)
    }

    async fn connect(&self) -> Option<Socket> {
        let (address, cursor) = (self.shared.address, self.cursor);
        let query = format!("topics={TOPICS}&cursor={cursor}&overflow=disconnect");
        let url = format!("ws://{address}/api/v1/realtime/subscribe?{query}");
        let (socket, _) = timeout(HANDSHAKE, connect_async(url)).await.ok()?.ok()?;
        self.shared.connections.fetch_add(1, Ordering::SeqCst);
        Some(socket)
    }

    /// For some events, or until it has been quiet for a while: a replica that stands still says nothing.
    async fn listen(&mut self, mut socket: Socket) {
        let patience = Duration::from_millis(self.seed.between(500, 3_000));
        for _ in 0..self.seed.between(1, 60) {
            match timeout(patience, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.take(&text),
                Ok(Some(Ok(Message::Ping(_)))) => {}
                _ => return,
            }
            if self.has_all() {
                return;
            }
        }
        if self.seed.between(0, 2) == 0 {
            // A goodbye; all others just go.
            let _ = timeout(HANDSHAKE, socket.close(None)).await;
        }
    }

    fn take(&mut self, text: &str) {
        let event: Value = serde_json::from_str(text).expect("JSON");
        let cursor = event["cursor"].as_u64().unwrap_or_else(|| panic!("missed: {event}"));
        assert!(cursor > self.cursor, "{cursor} comes after {}", self.cursor);
        self.cursor = cursor;
        let execution = event["data"]["workflow_id"].as_str().expect("an id").to_owned();
        self.told.push((cursor, execution));
    }
}
