//! How the store is doing, in counters that cost nothing to read.
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{StoreError, Table};

/// How the store is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreHealth {
    /// Whether the last write succeeded, and no read failed since the last ping that went well.
    pub healthy: bool,
    /// The last failure, kept after recovery. Generic text without names of files.
    pub last_error: Option<String>,
    /// Rows accepted and not yet written.
    pub buffered_rows: usize,
    /// Rows that wait in the spool, on the disk.
    pub spooled_rows: usize,
    /// Places in the spool that could not be read: torn off by a crash, or damaged. A row or more was lost at each.
    pub spool_damages: u64,
    /// Rows lost: the buffer was full, the row could not be stored, or the store was closed.
    pub dropped_rows: u64,
    /// Rows removed before their time, to make room in a file that had reached its greatest size.
    pub pruned_rows: u64,
    /// Rows written from the buffer.
    pub written_rows: u64,
}

/// The connections to a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreConnections {
    /// Those that are in use.
    pub used: usize,
    /// Those that are open and not in use.
    pub idle: usize,
    /// As many as there may be.
    pub max: usize,
    /// How many wait for one.
    pub wanted: usize,
}

#[derive(Debug)]
pub(super) struct Counters {
    writable: AtomicBool,
    readable: AtomicBool,
    last_error: Mutex<Option<&'static str>>,
    buffered: AtomicUsize,
    spooled: AtomicUsize,
    damages: AtomicU64,
    written: AtomicU64,
    pruned: AtomicU64,
    dropped: [AtomicU64; Table::ALL.len()],
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            writable: AtomicBool::new(true),
            readable: AtomicBool::new(true),
            last_error: Mutex::new(None),
            buffered: AtomicUsize::new(0),
            spooled: AtomicUsize::new(0),
            damages: AtomicU64::new(0),
            written: AtomicU64::new(0),
            pruned: AtomicU64::new(0),
            dropped: Default::default(),
        }
    }

    pub(super) fn snapshot(&self) -> StoreHealth {
        StoreHealth {
            healthy: self.is_healthy(),
            last_error: self.last_error().map(str::to_owned),
            buffered_rows: self.buffered.load(Relaxed),
            spooled_rows: self.spooled.load(Relaxed),
            spool_damages: self.damages.load(Relaxed),
            dropped_rows: Table::ALL.iter().map(|table| self.dropped(*table)).sum(),
            pruned_rows: self.pruned.load(Relaxed),
            written_rows: self.written.load(Relaxed),
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.is_writable() && self.readable.load(Relaxed)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable.load(Relaxed)
    }

    pub(super) fn last_error(&self) -> Option<&'static str> {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dropped(&self, table: Table) -> u64 {
        self.dropped[table as usize].load(Relaxed)
    }

    pub(super) fn count_dropped(&self, table: Table) {
        self.dropped[table as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_written(&self, rows: usize) {
        self.written.fetch_add(rows as u64, Relaxed);
    }

    pub(super) fn count_pruned(&self, rows: usize) {
        self.pruned.fetch_add(rows as u64, Relaxed);
    }

    pub(super) fn set_buffered(&self, rows: usize) {
        self.buffered.store(rows, Relaxed);
    }

    #[cfg(feature = "postgres")]
    pub(super) fn set_spooled(&self, rows: usize) {
        self.spooled.store(rows, Relaxed);
    }

    #[cfg(feature = "postgres")]
    pub(super) fn set_damages(&self, places: u64) {
        self.damages.store(places, Relaxed);
    }

    /// What a ping answers once it has read everything.
    pub(super) fn answer(&self) -> Result<(), StoreError> {
        if self.reading_succeeded() {
            tracing::info!("the store can be read again");
        }
        if self.is_healthy() {
            return Ok(());
        }
        let reason = self.last_error().unwrap_or("the database cannot be written");
        Err(StoreError::Failed { reason, source: Arc::from(Box::from(reason)) })
    }

    /// What a close answers: waits for the end of the store, which the channel tells by its last sender's, not by a value.
    pub(super) async fn ended(
        &self,
        mut ended: watch::Receiver<()>,
        within: Duration,
    ) -> Result<(), StoreError> {
        let _ = tokio::time::timeout(within, ended.changed()).await;
        match self.buffered.load(Relaxed) {
            0 if ended.has_changed().is_err() => Ok(()),
            rows => Err(StoreError::Unsaved { rows }),
        }
    }

    /// Answers whether this is news.
    pub(super) fn failed(&self, reason: &'static str) -> bool {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        self.writable.swap(false, Relaxed)
    }

    /// Answers whether this is news.
    pub(super) fn reading_failed(&self, reason: &'static str) -> bool {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        self.readable.swap(false, Relaxed)
    }

    /// Answers whether this is news.
    fn reading_succeeded(&self) -> bool {
        !self.readable.swap(true, Relaxed)
    }

    /// Answers whether this is news.
    pub(super) fn succeeded(&self) -> bool {
        !self.writable.swap(true, Relaxed)
    }
}
