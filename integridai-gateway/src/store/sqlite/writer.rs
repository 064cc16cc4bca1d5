//! The thread that owns the write connection: commits jobs in groups and rows in batches, retries, prunes.
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::file::OpenFiles;
use super::job::{Job, Jobs};
use super::room::{Removed, Room};
use super::{events, failure, retention, statements};
use crate::store::health::Counters;
use crate::store::queue::{Reply, Work};
use crate::store::record::Record;
use crate::store::retry::Retry;
use crate::store::{StoreError, Table};

const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);
const PRUNE_RETRY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    shared: WriterOptions,
    batch: Vec<Record>,
    /// How many rows of the batch to try at once.
    portion: usize,
    retry: Retry,
    next_prune: Instant,
    room: Room,
}

/// What the writer shares with others, and is told.
#[derive(Debug)]
pub(super) struct WriterOptions {
    pub(super) files: OpenFiles,
    pub(super) queue: Arc<Jobs>,
    pub(super) counters: Arc<Counters>,
    /// The cursor of the newest event that is committed.
    pub(super) committed: watch::Sender<u64>,
    pub(super) retention: Duration,
}

impl Writer {
    pub(super) fn new(connection: Connection, shared: WriterOptions, room: Room) -> Self {
        let (batch, retry, next_prune) = (Vec::new(), Retry::new(), Instant::now());
        Self { connection, shared, batch, portion: usize::MAX, retry, next_prune, room }
    }

    pub(super) fn run(&mut self) {
        let mut closing = false;
        loop {
            let wake = self.retry.at().map_or(self.next_prune, |at| at.min(self.next_prune));
            let work = self.shared.queue.next(self.batch.is_empty(), wake);
            if work.close.is_some() && !closing {
                closing = true;
                self.hear_of_close();
            }
            if self.turn(work) {
                break;
            }
        }
        self.finish();
    }

    /// The last chance for what is in hand comes at once, and nothing is pruned any more.
    fn hear_of_close(&mut self) {
        let now = Instant::now();
        self.retry.hurry(now);
        self.next_prune = now + PRUNE_INTERVAL;
    }

    /// One round; answers whether it was the last.
    fn turn(&mut self, work: Work<Box<dyn Job>>) -> bool {
        self.commit(work.jobs);
        self.batch.extend(work.rows);
        self.write_batch();
        self.answer_flushes(work.flushes, work.was_last);
        self.probe();
        match work.close {
            Some(deadline) => (self.batch.is_empty() && work.was_last) || deadline <= Instant::now(),
            None => {
                self.prune();
                false
            }
        }
    }

    fn commit(&mut self, mut jobs: VecDeque<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        let committed = run_jobs(&mut self.connection, &self.shared.files, &mut jobs);
        if committed.is_ok() {
            self.announce();
        }
        let fault = committed.as_ref().err().cloned();
        let fault = fault.or_else(|| jobs.iter().find_map(|job| storage_failure(job.as_ref())));
        // A success proves nothing here: the job may have had nothing to write. The batch or the probe tells.
        if let Some(error) = fault {
            self.retry.noticed(Instant::now());
            self.report(&error);
            if failure::is_full(&error) {
                self.make_room();
            }
        }
        for job in jobs {
            job.settle(committed.clone());
        }
    }

    fn write_batch(&mut self) {
        if !self.batch.is_empty() && self.retry.is_due(Instant::now()) {
            self.shared.queue.top_up(&mut self.batch, |row| row);
        }
        while !self.batch.is_empty() && self.retry.is_due(Instant::now()) {
            let count = self.portion.min(self.batch.len());
            match insert_rows(&mut self.connection, &self.shared.files, &self.batch[..count]) {
                Ok(refused) => self.written(count, &refused),
                Err(error) if failure::is_full(&error) && self.make_room().rows > 0 => {}
                Err(error) => self.not_written(count, &error),
            }
        }
    }

    fn written(&mut self, count: usize, refused: &[usize]) {
        refused.iter().for_each(|&index| self.shared.counters.count_dropped(self.batch[index].table()));
        self.shared.queue.settle_rows(&self.batch[..count]);
        self.shared.counters.count_written(count - refused.len());
        if self.batch.drain(..count).any(|row| row.table() == Table::SystemEvents) {
            self.announce();
        }
        self.portion = self.portion.saturating_mul(2);
        self.retry.succeeded();
        // While a part of it still waits, the trouble is not over.
        if self.batch.is_empty() {
            self.succeeded();
        }
    }

    /// Tells how far the log of events goes now; asked of the table, whoever wrote into it.
    fn announce(&self) {
        match events::newest(&self.connection) {
            Ok(newest) => drop(self.shared.committed.send_if_modified(|committed| {
                let is_news = newest > *committed;
                *committed = newest.max(*committed);
                is_news
            })),
            // The next commit tells.
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "how far the log of events goes cannot be read"
            ),
        }
    }

    /// Half of it may fit where the whole does not, and a row that is too large by itself lets others pass.
    fn not_written(&mut self, count: usize, error: &StoreError) {
        self.portion = (count / 2).max(1);
        if count == 1 {
            self.batch.rotate_left(1);
        }
        self.failed(error);
    }

    fn answer_flushes(&self, flushes: Vec<Reply<()>>, was_last: bool) {
        let rows = self.batch.len();
        if rows == 0 && !was_last {
            // A batch that had failed is written now, but rows behind it are not yet.
            return self.shared.queue.put_back_flushes(flushes);
        }
        for reply in flushes {
            let answer = if rows == 0 { Ok(()) } else { Err(StoreError::Unsaved { rows }) };
            // Whoever asked may have gone away.
            let _ = reply.send(answer);
        }
    }

    /// With nothing to write, recovery would go unnoticed.
    fn probe(&mut self) {
        if self.shared.counters.is_writable() || !self.batch.is_empty() || !self.retry.is_due(Instant::now())
        {
            return;
        }
        match write_and_erase(&mut self.connection, &self.shared.files) {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// A little at a time, so that nobody waits long behind it.
    fn prune(&mut self) {
        let now = Instant::now();
        if now >= self.next_prune {
            self.next_prune = now + self.prune_old();
        }
        if self.room.is_due(now) && self.make_room().more {
            self.next_prune = now;
        }
    }

    /// Answers when to go on.
    fn prune_old(&mut self) -> Duration {
        match retention::prune(&mut self.connection, OffsetDateTime::now_utc(), self.shared.retention) {
            Ok(retention::Progress::More) => Duration::ZERO,
            Ok(retention::Progress::Done) => PRUNE_INTERVAL,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old rows could not be removed from the store"
                );
                PRUNE_RETRY
            }
        }
    }

    /// What is in the way of this is in the way of writing, and is told there.
    fn make_room(&mut self) -> Removed {
        let removed = self.room.make(&mut self.connection).unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "no room could be made in the store");
            Removed::default()
        });
        self.shared.counters.count_pruned(removed.rows);
        removed
    }

    fn failed(&mut self, error: &StoreError) {
        self.retry.failed(Instant::now());
        self.report(error);
    }

    fn report(&self, error: &StoreError) {
        let reason = match error {
            StoreError::Failed { reason, .. } => reason,
            _ => "the database refused",
        };
        if self.shared.counters.failed(reason) {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "the store cannot write; rows wait in memory"
            );
        }
    }

    fn succeeded(&mut self) {
        self.retry.succeeded();
        if self.shared.counters.succeeded() {
            tracing::info!("the store can write again");
        }
    }

    fn finish(&mut self) {
        // The log is empty afterwards, so that the file alone is the whole database.
        let checkpoint = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = checkpoint {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store's write-ahead log could not be folded into the file"
            );
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Also reached by a panic: nobody may wait for a thread that is gone.
        self.batch.iter().for_each(|row| self.shared.counters.count_dropped(row.table()));
        self.shared.queue.abandon();
        if std::thread::panicking() {
            self.shared.counters.failed("the store's writer has stopped");
        }
    }
}

fn immediate(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn run_jobs(
    connection: &mut Connection,
    files: &OpenFiles,
    jobs: &mut VecDeque<Box<dyn Job>>,
) -> Result<(), StoreError> {
    let transaction = immediate(connection)?;
    for job in jobs {
        // What panics is undone with all that shares its transaction; the next ones find the thread alive.
        catch_unwind(AssertUnwindSafe(|| job.run(&transaction))).map_err(|_| panicked())?;
        // A full disk may roll everything back; the next job would then run outside of any transaction.
        if transaction.is_autocommit() {
            let error = job.error().cloned();
            return Err(error.unwrap_or(StoreError::Closed));
        }
    }
    files.check()?;
    Ok(transaction.commit()?)
}

fn panicked() -> StoreError {
    let source = Arc::new(std::io::Error::other("work for the store's writer panicked"));
    StoreError::Failed { reason: "work for the database panicked", source }
}

fn storage_failure(job: &dyn Job) -> Option<StoreError> {
    let error = job.error()?;
    failure::is_storage_fault(error).then(|| error.clone())
}

/// Writes all rows but those that are themselves to blame, whose places it answers.
fn insert_rows(
    connection: &mut Connection,
    files: &OpenFiles,
    rows: &[Record],
) -> Result<Vec<usize>, StoreError> {
    let transaction = immediate(connection)?;
    let mut refused = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match row.insert(&transaction) {
            Ok(_) => {}
            Err(error) if failure::storage_fault(&error).is_some() || transaction.is_autocommit() => {
                return Err(error.into());
            }
            // A failed statement undoes itself alone; the rows around it stay in the transaction.
            Err(error) => {
                tracing::debug!(
                    table = row.table().name(),
                    error = &error as &dyn std::error::Error,
                    "a row was refused by the database"
                );
                refused.push(index);
            }
        }
    }
    files.check()?;
    transaction.commit()?;
    Ok(refused)
}

fn write_and_erase(connection: &mut Connection, files: &OpenFiles) -> Result<(), StoreError> {
    let transaction = immediate(connection)?;
    transaction.prepare_cached(statements::PING)?.query_row([], |_| Ok(()))?;
    transaction.prepare_cached(statements::PROBE_WRITE)?.execute([])?;
    transaction.prepare_cached(statements::PROBE_ERASE)?.execute([])?;
    files.check()?;
    Ok(transaction.commit()?)
}
