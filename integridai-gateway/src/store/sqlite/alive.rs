//! Held by every thread of the store; when the last one has gone, the file is free and the waiting are told.
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::store::lock::Lock;

// The order of the fields is the order of the end: the lock is let go, then the end is announced.
#[derive(Debug)]
pub(super) struct Alive {
    closing: Mutex<()>,
    _lock: Lock,
    _announce: watch::Sender<()>,
}

impl Alive {
    pub(super) fn new(lock: Lock) -> (Self, watch::Receiver<()>) {
        let (announce, ended) = watch::channel(());
        (Self { closing: Mutex::new(()), _lock: lock, _announce: announce }, ended)
    }

    /// Drops what holds a connection, one at a time: SQLite removes
    /// the log with the last connection, and of two that are closed at once neither is the last.
    pub(super) fn close(&self, holder: impl Sized) {
        let _turn = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        drop(holder);
    }
}
