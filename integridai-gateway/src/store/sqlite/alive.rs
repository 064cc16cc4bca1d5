//! Held by every thread of the store; when the last one has gone, the file is free and the waiting are told.
use std::fs::File;

use tokio::sync::watch;

// The order of the fields is the order of the end: the lock is let go, then the end is announced.
#[derive(Debug)]
pub(super) struct Alive {
    _lock: File,
    _announce: watch::Sender<()>,
}

impl Alive {
    pub(super) fn new(lock: File) -> (Self, watch::Receiver<()>) {
        let (announce, ended) = watch::channel(());
        (Self { _lock: lock, _announce: announce }, ended)
    }
}
