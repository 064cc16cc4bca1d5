//! Subscribers that come and go as they please, and take up where they left.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::plan::fork;
use crate::stream::{Stream, Way};
use crate::support::Seed;

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

    /// Every second one has a WebSocket, the others server-sent events.
    pub(crate) fn start(self: &Arc<Self>, count: usize, seed: &mut Seed) -> JoinSet<Told> {
        let mut subscribers = JoinSet::new();
        for number in 0..count {
            let way = if number.is_multiple_of(2) { Way::WebSocket } else { Way::ServerSentEvents };
            let (shared, seed) = (Arc::clone(self), fork(seed));
            let one = Subscriber { shared, way, cursor: 0, told: Vec::new(), seed };
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
    way: Way,
    cursor: u64,
    told: Told,
    seed: Seed,
}

impl Subscriber {
    async fn follow(mut self) -> Told {
        while !self.has_all() {
            match Stream::open(self.way, self.shared.address, self.cursor).await {
                Some(stream) => self.listen(stream).await,
                None => tokio::time::sleep(Duration::from_millis(self.seed.between(50, 400))).await,
            }
        }
        self.told
    }

    fn has_all(&self) -> bool {
        self.shared.last.borrow().is_some_and(|last| self.cursor >= last)
    }

    /// For some events, or until it has been quiet for a while: a replica that stands still says nothing.
    async fn listen(&mut self, mut stream: Stream) {
        self.shared.connections.fetch_add(1, Ordering::SeqCst);
        let patience = Duration::from_millis(self.seed.between(500, 3_000));
        for _ in 0..self.seed.between(1, 60) {
            let Ok(Some(event)) = timeout(patience, stream.next()).await else { return };
            self.take(&event);
            if self.has_all() {
                return;
            }
        }
        if self.seed.between(0, 2) == 0 {
            stream.leave().await;
        }
    }

    fn take(&mut self, event: &Value) {
        let cursor = event["cursor"].as_u64().unwrap_or_else(|| panic!("missed: {event}"));
        assert!(cursor > self.cursor, "{cursor} comes after {}", self.cursor);
        self.cursor = cursor;
        let execution = event["data"]["workflow_id"].as_str().expect("an id").to_owned();
        self.told.push((cursor, execution));
    }
}
