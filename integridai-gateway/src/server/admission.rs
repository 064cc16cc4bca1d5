use std::sync::Arc;

use metrics::{Counter, Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room for connections.
#[derive(Debug)]
pub(super) struct Admission {
    room: Arc<Semaphore>,
    open: Gauge,
    refusals: Counter,
    refused: u64,
}

/// A connection's place; given back when it is dropped, with the socket.
#[derive(Debug)]
pub(super) struct Admitted {
    _place: OwnedSemaphorePermit,
    open: Gauge,
}

impl Admission {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS))),
            open: metrics::gauge!("integridai_server_connections_open"),
            refusals: metrics::counter!("integridai_server_connections_refused_total"),
            refused: 0,
        }
    }

    /// The same room, and a count of one's own.
    pub(super) fn sharing(&self) -> Self {
        Self {
            room: Arc::clone(&self.room),
            open: self.open.clone(),
            refusals: self.refusals.clone(),
            refused: 0,
        }
    }

    /// A place, or `None` (counted) when all are taken.
    pub(super) fn admit(&mut self) -> Option<Admitted> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            self.refused += 1;
            self.refusals.increment(1);
            return None;
        };
        self.open.increment(1.0);
        Some(Admitted { _place: place, open: self.open.clone() })
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}
