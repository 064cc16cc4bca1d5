//! The store in one SQLite file.
//!
//! One thread owns the only connection that writes. Durable commands that arrive while it commits share the
//! next transaction (group commit), so a flush to disk is paid once for all of them. Log rows wait in a
//! bounded buffer for company and are written in batches. Reads have connections of their own.
mod alive;
mod columns;
mod executions;
mod failure;
mod file;
mod job;
mod lock;
mod migrations;
mod open;
mod reader;
mod records;
mod retention;
mod room;
mod statements;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};
use time::OffsetDateTime;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use self::file::OpenFiles;
use self::job::{ClaimTask, Job, Jobs, Task};
use self::reader::Readers;
use super::health::Counters;
use super::queue::Reply;
use super::record::Record;
use super::{
    ApiCall, Execution, Finished, JsonText, LONGEST_LIST, MetricSample, StoreError, StoreOptions, SystemEvent,
};

/// How long the writer may go on when the store is dropped without having been closed.
const LINGER: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Database {
    queue: Arc<Jobs>,
    counters: Arc<Counters>,
    readers: Readers,
    files: OpenFiles,
    ended: watch::Receiver<()>,
}

impl Database {
    pub(super) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        open::open(options)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn record(&self, rows: impl IntoIterator<Item = Record>) {
        self.queue.push_rows(rows);
    }

    pub(super) fn record_event(&self, event: SystemEvent) {
        self.record([Record::Event(event)]);
    }

    pub(super) fn record_metrics(&self, samples: Vec<MetricSample>) {
        self.record(samples.into_iter().map(Record::Metric));
    }

    pub(super) fn record_api_call(&self, call: ApiCall) {
        self.record([Record::ApiCall(call)]);
    }

    pub(super) fn record_execution(&self, execution: Execution) {
        self.record([Record::Execution(Box::new(execution))]);
    }

    pub(super) async fn accept(&self, execution: Execution) -> Result<(), StoreError> {
        self.command(move |connection| records::insert_execution(connection, &execution).map(drop)).await
    }

    pub(super) async fn claim(&self) -> Result<Option<Execution>, StoreError> {
        let (now, queue) = (OffsetDateTime::now_utc(), Arc::clone(&self.queue));
        let claim = self.submit(|reply| Box::new(ClaimTask { now, answer: None, reply, queue })).await?;
        Ok(claim.and_then(job::Claim::take))
    }

    pub(super) async fn save_steps(&self, id: Uuid, steps: JsonText) -> Result<bool, StoreError> {
        self.command(move |connection| executions::save_steps(connection, id, &steps)).await
    }

    pub(super) async fn finish(&self, id: Uuid, finished: Finished) -> Result<bool, StoreError> {
        self.command(move |connection| executions::finish(connection, id, &finished)).await
    }

    pub(super) async fn release(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        self.command(move |connection| executions::release(connection, id, attempts)).await
    }

    pub(super) async fn requeue_running(&self) -> Result<u64, StoreError> {
        self.command(executions::requeue_running).await
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_flush(reply)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn execution(&self, id: Uuid) -> Result<Option<Execution>, StoreError> {
        self.read(move |connection| executions::by_id(connection, id)).await
    }

    pub(super) async fn queued(&self) -> Result<u64, StoreError> {
        self.read(executions::queued).await
    }

    pub(super) async fn events(&self, limit: u32) -> Result<Vec<SystemEvent>, StoreError> {
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
        if self.counters.reading_succeeded() {
            tracing::info!("the store can be read again");
        }
        if self.counters.is_healthy() {
            return Ok(());
        }
        let reason = self.counters.last_error().unwrap_or("the database cannot be written");
        Err(StoreError::Failed { reason, source: Arc::from(Box::from(reason)) })
    }

    pub(super) async fn close(&self, within: Duration) -> Result<(), StoreError> {
        self.begin_close(within);
        let mut ended = self.ended.clone();
        // The channel never carries a value: an error means that its last sender is gone.
        let _ = tokio::time::timeout(within, ended.changed()).await;
        match self.counters.snapshot().buffered_rows {
            0 if ended.has_changed().is_err() => Ok(()),
            rows => Err(StoreError::Unsaved { rows }),
        }
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
