//! The thread that writes rows down in batches, tries again, and prunes.
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::failure;
use super::keeping::Keeping;
use super::retention::Progress;
use super::write::{Line, Written};
use crate::store::health::Counters;
use crate::store::queue::{Queue, Reply, Work};
use crate::store::record::Entry;
use crate::store::retry::Retry;
use crate::store::{StoreError, Table};

const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);
const PRUNE_RETRY: Duration = Duration::from_secs(60);
/// How soon it is noticed that a command failed, so that the recovery is noticed too.
const LOOK: Duration = Duration::from_secs(1);
/// Batches out of the spool before new rows have their turn: more than one, so that it gets empty.
const DRAINED_BATCHES: usize = 4;

/// Nothing but rows and flushes: commands have connections of their own.
pub(super) type Rows = Queue<std::convert::Infallible>;

pub(super) struct Writer {
    pub(super) runtime: Runtime,
    pub(super) line: Line,
    pub(super) queue: Arc<Rows>,
    pub(super) counters: Arc<Counters>,
    pub(super) keeping: Keeping,
    pub(super) batch_rows: usize,
    pub(super) retention: Duration,
    pub(super) state: State,
    /// Dropped last: then everybody who waits for the end is told.
    pub(super) _announce: watch::Sender<()>,
}

pub(super) struct State {
    batch: Vec<Entry>,
    /// Whether rows of the batch may have been written already.
    is_repeated: bool,
    /// Whether the last attempt failed for want of a server.
    is_out: bool,
    retry: Retry,
    next_prune: Instant,
    deadline: Option<Instant>,
}

impl State {
    pub(super) fn new() -> Self {
        let (retry, next_prune) = (Retry::new(), Instant::now());
        Self { batch: Vec::new(), is_repeated: false, is_out: false, retry, next_prune, deadline: None }
    }
}

impl Writer {
    pub(super) fn run(mut self) {
        loop {
            let wake = self.next_moment();
            let work = self.queue.next(self.state.batch.is_empty(), wake);
            if work.close.is_some() && self.state.deadline.is_none() {
                self.state.deadline = work.close;
                self.state.retry.hurry(Instant::now());
            }
            if self.turn(work) {
                break;
            }
        }
    }

    fn next_moment(&self) -> Instant {
        let now = Instant::now();
        match self.state.retry.at() {
            None if !self.keeping.is_empty() && self.state.deadline.is_none() => now,
            at => at.into_iter().fold(self.state.next_prune.min(now + LOOK), Instant::min),
        }
    }

    /// One round; answers whether it was the last.
    fn turn(&mut self, work: Work<std::convert::Infallible>) -> bool {
        self.state.batch.extend(work.rows.into_iter().map(Entry::new));
        self.drain_spool();
        self.write_batch();
        self.keep_batch();
        self.answer_flushes(work.flushes, work.was_last);
        self.probe();
        match self.state.deadline {
            Some(deadline) => (self.state.batch.is_empty() && work.was_last) || deadline <= Instant::now(),
            None => {
                self.prune();
                false
            }
        }
    }

    /// Before the end there is no time for it: the next start goes on.
    fn drain_spool(&mut self) {
        for _ in 0..DRAINED_BATCHES {
            let is_due = self.state.deadline.is_none() && self.state.retry.is_due(Instant::now());
            if self.keeping.is_empty() || !is_due {
                return;
            }
            match self.keeping.oldest(self.batch_rows) {
                Ok(entries) => self.write_spooled(&entries),
                Err(error) => self.failed(&unreadable(error)),
            }
        }
    }

    /// Rows that may be there already, from before a crash.
    fn write_spooled(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let written = self.attempt(entries);
        if written.fault.is_none() {
            self.count_refused(entries, &written);
            self.counters.count_written(entries.len() - written.refused.len());
            self.keeping.settle();
        }
        self.conclude(written.fault.as_ref());
    }

    fn write_batch(&mut self) {
        let is_its_turn = self.keeping.is_empty() && self.state.retry.is_due(Instant::now());
        if self.state.batch.is_empty() || !is_its_turn {
            return;
        }
        if self.state.is_repeated {
            self.queue.top_up(&mut self.state.batch, Entry::new);
        }
        let batch = std::mem::take(&mut self.state.batch);
        let written = self.attempt(&batch);
        self.state.batch = self.settle(batch, &written);
        self.conclude(written.fault.as_ref());
        self.state.is_repeated = !self.state.batch.is_empty();
    }

    fn attempt(&mut self, entries: &[Entry]) -> Written {
        let written = self.limited(async |line: &mut Line| Some(line.write(entries).await));
        written.unwrap_or_else(|| nothing_written(entries.len()))
    }

    fn conclude(&mut self, fault: Option<&StoreError>) {
        match fault {
            None => self.succeeded(),
            Some(error) => self.failed(error),
        }
    }

    /// What the server does not take now goes to the disk, and so does what came after rows that are there.
    fn keep_batch(&mut self) {
        let is_wanted = self.state.is_out || !self.keeping.is_empty();
        if self.state.batch.is_empty() || !is_wanted || !self.keeping.keep(&self.state.batch) {
            return;
        }
        self.queue.settle_rows(self.state.batch.iter().map(|entry| &entry.record));
        self.state.batch.clear();
        self.state.is_repeated = false;
    }

    fn count_refused(&self, entries: &[Entry], written: &Written) {
        written.refused.iter().for_each(|&place| self.counters.count_dropped(entries[place].table()));
    }

    /// Answers the rows that are left to be written.
    fn settle(&self, batch: Vec<Entry>, written: &Written) -> Vec<Entry> {
        let mut is_left = vec![false; batch.len()];
        written.left.iter().for_each(|&place| is_left[place] = true);
        self.count_refused(&batch, written);
        let mut lost = written.refused.len();
        // A row whose id is there already is lost, unless it may be this very row.
        for table in Table::ALL.into_iter().filter(|_| !self.state.is_repeated) {
            let repeated = written.repeated[table as usize];
            (0..repeated).for_each(|_| self.counters.count_dropped(table));
            lost += repeated;
        }
        let rows = batch.into_iter().zip(is_left);
        let (left, done): (Vec<_>, Vec<_>) = rows.partition(|(_, is_left)| *is_left);
        self.counters.count_written(done.len().saturating_sub(lost));
        self.queue.settle_rows(done.iter().map(|(entry, _)| &entry.record));
        left.into_iter().map(|(entry, _)| entry).collect()
    }

    fn answer_flushes(&self, flushes: Vec<Reply<()>>, was_last: bool) {
        let rows = self.state.batch.len() + self.keeping.rows();
        if rows == 0 && !was_last {
            // A batch that had failed is written now, but rows behind it are not yet.
            return self.queue.put_back_flushes(flushes);
        }
        for reply in flushes {
            let answer = if rows == 0 { Ok(()) } else { Err(StoreError::Unsaved { rows }) };
            // Whoever asked may have gone away.
            let _ = reply.send(answer);
        }
    }

    /// With nothing to write, recovery would go unnoticed.
    fn probe(&mut self) {
        let is_idle = self.state.batch.is_empty() && self.keeping.is_empty();
        if self.counters.is_writable() || !is_idle || !self.state.retry.is_due(Instant::now()) {
            return;
        }
        if let Some(probed) = self.limited(async |line: &mut Line| Some(line.probe().await)) {
            self.conclude(probed.as_ref().err());
        }
    }

    fn prune(&mut self) {
        let now = Instant::now();
        if now < self.state.next_prune {
            return;
        }
        let retention = self.retention;
        let pruned = self.limited(async |line: &mut Line| Some(line.prune(retention).await));
        self.state.next_prune = now
            + match pruned {
                Some(Ok(Progress::More)) => Duration::ZERO,
                Some(Ok(Progress::Done)) | None => PRUNE_INTERVAL,
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "old rows could not be removed from the database");
                    PRUNE_RETRY
                }
            };
    }

    /// Work on the connection; `None` where the store has to be closed before it is done.
    fn limited<T>(&mut self, work: impl AsyncFnOnce(&mut Line) -> Option<T>) -> Option<T> {
        let left = self.state.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let line = &mut self.line;
        self.runtime.block_on(async {
            match left {
                Some(left) => tokio::time::timeout(left, work(line)).await.ok().flatten(),
                None => work(line).await,
            }
        })
    }

    fn failed(&mut self, error: &StoreError) {
        self.state.retry.failed(Instant::now());
        self.state.is_out = failure::is_outage(error);
        let reason = match error {
            StoreError::Failed { reason, .. } => reason,
            _ => "the database refused",
        };
        if self.counters.failed(reason) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the database cannot be written; rows wait");
        }
    }

    fn succeeded(&mut self) {
        self.state.retry.succeeded();
        self.state.is_out = false;
        if self.counters.succeeded() {
            tracing::info!("the database can be written again");
        }
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Failed { reason: "the spool cannot be read", source: Arc::new(error) }
}

/// Cut short, so that all is left.
fn nothing_written(rows: usize) -> Written {
    let fault = Some(failure::silent());
    Written { left: (0..rows).collect(), fault, ..Written::default() }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.keeping.rows() > 0 {
            tracing::info!(rows = self.keeping.rows(), "rows wait in the spool for the next start");
        }
        // Also reached by a panic: nobody may wait for a thread that is gone.
        self.state.batch.iter().for_each(|entry| self.counters.count_dropped(entry.table()));
        self.queue.abandon();
        if std::thread::panicking() {
            self.counters.failed("the store's writer has stopped");
        }
    }
}
