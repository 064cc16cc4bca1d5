//! Rows that go to the disk while the server takes none.
use std::io;
use std::sync::Arc;

use crate::store::health::Counters;
use crate::store::record::Entry;
use crate::store::spool::Spool;

/// The spool, if there is one, and what is told of it.
#[derive(Debug)]
pub(super) struct Keeping {
    spool: Option<Spool>,
    counters: Arc<Counters>,
    /// Whether the last rows could not be kept.
    refuses: bool,
}

impl Keeping {
    pub(super) fn new(spool: Option<Spool>, counters: Arc<Counters>) -> Self {
        let keeping = Self { spool, counters, refuses: false };
        keeping.tell();
        if keeping.rows() > 0 {
            tracing::info!(rows = keeping.rows(), "rows of an earlier run wait in the spool");
        }
        keeping
    }

    pub(super) fn rows(&self) -> usize {
        self.spool.as_ref().map_or(0, Spool::rows)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spool.as_ref().is_none_or(Spool::is_empty)
    }

    /// Answers whether the rows are on the disk now.
    pub(super) fn keep(&mut self, entries: &[Entry]) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        let kept = spool.append(entries);
        match &kept {
            Err(error) if !self.refuses => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "rows cannot be kept in the spool; they wait in memory");
            }
            _ => {}
        }
        self.refuses = kept.is_err();
        self.tell();
        kept.is_ok()
    }

    pub(super) fn oldest(&mut self, most: usize) -> io::Result<Vec<Entry>> {
        let Some(spool) = &mut self.spool else { return Ok(Vec::new()) };
        let oldest = spool.oldest(most);
        self.tell();
        oldest
    }

    pub(super) fn settle(&mut self) {
        if let Some(spool) = &mut self.spool {
            spool.settle();
        }
        self.tell();
    }

    fn tell(&self) {
        let Some(spool) = &self.spool else { return };
        self.counters.set_spooled(spool.rows());
        self.counters.set_damages(spool.damages());
    }
}
