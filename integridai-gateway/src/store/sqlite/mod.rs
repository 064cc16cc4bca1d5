//! The store in one SQLite file.
//!
//! One thread owns the only connection that writes. Durable commands that arrive while it commits share the
//! next transaction (group commit), so a flush to disk is paid once for all of them. Log rows wait in a
//! bounded buffer for company and are written in batches. Reads have connections of their own.
mod admission;
mod alive;
mod columns;
mod events;
mod execution_statements;
mod executions;
mod failure;
mod file;
mod job;
mod lists;
mod lock;
mod migrations;
mod open;
mod publication;
mod queueing;
mod reader;
mod records;
mod retention;
mod room;
mod statements;
mod tickets;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};
use tokio::sync::{oneshot, watch};

use self::file::OpenFiles;
use self::job::{Job, Jobs, Task};
use self::reader::Readers;
use super::health::Counters;
use super::queue::Reply;
use super::record::Record;
use super::{
    ApiCall, Appended, EventBounds, EventFilter, EventPage, EventRange, LONGEST_LIST, MetricSample,
    PageLimit, StoreError, StoreOptions, SystemEvent,
};

/// How long the writer may go on when the store is dropped without having been closed.
const LINGER: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Database {
    queue: Arc<Jobs>,
    counters: Arc<Counters>,
    readers: Readers,
    files: OpenFiles,
    committed: watch::Receiver<u64>,
    ended: watch::Receiver<()>,
}

impl Database {
    pub(super) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        open::open(options)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn record(&self, rows: impl IntoIterator<Item = Record>) {
        self.queue.push_rows(rows);
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_flush(reply)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn append_events(&self, events: Vec<SystemEvent>) -> Result<Vec<Appended>, StoreError> {
        self.command(move |connection| events::append(connection, &events)).await
    }

    pub(super) async fn events(
        &self,
        range: EventRange,
        filter: EventFilter,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        self.read(move |connection| events::page(connection, range, &filter, limit)).await
    }

    pub(super) async fn event_bounds(&self) -> Result<EventBounds, StoreError> {
        self.read(events::bounds).await
    }

    pub(super) fn committed_events(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    pub(super) async fn recent_events(&self, limit: u32) -> Result<Vec<SystemEvent>, StoreError> {
        self.list(statements::RECENT_EVENTS, limit, records::read_event).await
    }

    pub(super) async fn metrics(&self, limit: u32) -> Result<Vec<MetricSample>, StoreError> {
        self.list(statements::RECENT_METRICS, limit, records::read_metric).await
    }

    pub(super) async fn api_calls(&self, limit: u32) -> Result<Vec<ApiCall>, StoreError> {
        self.list(statements::RECENT_API_CALLS, limit, records::read_api_call).await
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let files = self.files.clone();
        let found = self.read(move |connection| {
            // First, because a reader that finds its file gone can only say that it cannot read.
            let found = files.check();
            if found.is_ok() {
                connection.prepare_cached(statements::PING)?.query_row([], |_| Ok(()))?;
            }
            Ok(found)
        });
        if let Err(error) = found.await? {
            self.reading_failed(&error);
            return Err(error);
        }
        self.counters.answer()
    }

    pub(super) async fn close(&self, within: Duration) -> Result<(), StoreError> {
        self.begin_close(within);
        self.counters.ended(self.ended.clone(), within).await
    }

    fn begin_close(&self, within: Duration) {
        let now = Instant::now();
        self.queue.close(now.checked_add(within).unwrap_or(now));
        self.readers.close();
    }

    async fn list<T: Send + 'static>(
        &self,
        statement: &'static str,
        limit: u32,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let limit = limit.min(LONGEST_LIST);
        self.read(move |connection| connection.prepare_cached(statement)?.query_map([limit], read)?.collect())
            .await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.readers.read(work).await;
        if let Err(error) = &answer {
            self.reading_failed(error);
        }
        answer
    }

    fn reading_failed(&self, error: &StoreError) {
        let StoreError::Failed { reason, .. } = error else { return };
        if failure::is_storage_fault(error) && self.counters.reading_failed(reason) {
            tracing::warn!(error = error as &dyn std::error::Error, "the store cannot be read");
        }
    }

    async fn command<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(|reply| Box::new(Task::new(work, reply))).await
    }

    async fn submit<T>(&self, job: impl FnOnce(Reply<T>) -> Box<dyn Job>) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_job(job(reply))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.begin_close(LINGER);
    }
}
