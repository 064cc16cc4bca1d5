//! Work for the writer that somebody waits for: done inside a transaction, answered after its commit.
use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;
use time::OffsetDateTime;

use super::executions;
use crate::store::queue::{Queue, Reply};
use crate::store::{ClaimRules, Execution, Lease, StoreError};

/// What waits for the writer.
pub(super) type Jobs = Queue<Box<dyn Job>>;

pub(super) trait Job: Send {
    /// Does the work. An error of its own leaves the rest of the transaction alone.
    fn run(&mut self, connection: &Connection);

    /// Answers, once the transaction has been committed (`Ok`) or undone.
    fn settle(self: Box<Self>, commit: Result<(), StoreError>);

    /// The error of its own, after `run`.
    fn error(&self) -> Option<&StoreError>;
}

impl fmt::Debug for dyn Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Job")
    }
}

type Work<T> = Box<dyn FnOnce(&Connection) -> rusqlite::Result<T> + Send>;

/// Any work whose answer may be lost without harm.
pub(super) struct Task<T> {
    work: Option<Work<T>>,
    answer: Option<Result<T, StoreError>>,
    reply: Reply<T>,
}

impl<T: Send> Task<T> {
    pub(super) fn new(
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        reply: Reply<T>,
    ) -> Self {
        Self { work: Some(Box::new(work)), answer: None, reply }
    }
}

impl<T: Send> Job for Task<T> {
    fn run(&mut self, connection: &Connection) {
        // Nobody waits any more: what nobody was promised is not done.
        if self.reply.is_closed() {
            return;
        }
        self.answer = self.work.take().map(|work| work(connection).map_err(StoreError::from));
    }

    fn settle(self: Box<Self>, commit: Result<(), StoreError>) {
        let Self { answer, reply, .. } = *self;
        // The caller may have gone away meanwhile; that is its right.
        let _ = reply.send(commit.and_then(|()| answer.unwrap_or(Err(StoreError::Closed))));
    }

    fn error(&self) -> Option<&StoreError> {
        self.answer.as_ref().and_then(|answer| answer.as_ref().err())
    }
}

/// An execution claimed for a caller, given back to the queue if the caller is no longer there to take it.
#[derive(Debug)]
pub(super) struct Claim {
    execution: Option<Execution>,
    queue: Arc<Jobs>,
}

impl Claim {
    pub(super) fn take(mut self) -> Option<Execution> {
        self.execution.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(execution) = self.execution.take() {
            self.queue.push_release(Box::new(Release { lease: execution.lease() }));
        }
    }
}

struct Release {
    lease: Lease,
}

impl Job for Release {
    fn run(&mut self, connection: &Connection) {
        // If this fails the execution stays running until its lease ends.
        if let Err(error) = executions::release(connection, self.lease) {
            tracing::warn!(execution = %self.lease.id, error = &error as &dyn std::error::Error, "a claim could not be given back");
        }
    }

    fn settle(self: Box<Self>, _commit: Result<(), StoreError>) {}

    fn error(&self) -> Option<&StoreError> {
        None
    }
}

/// Claims the next execution for a caller.
pub(super) struct ClaimTask {
    pub(super) now: OffsetDateTime,
    pub(super) rules: ClaimRules,
    pub(super) answer: Option<Result<Option<Execution>, StoreError>>,
    pub(super) reply: Reply<Option<Claim>>,
    pub(super) queue: Arc<Jobs>,
}

impl Job for ClaimTask {
    fn run(&mut self, connection: &Connection) {
        if !self.reply.is_closed() {
            self.answer =
                Some(executions::claim(connection, self.now, &self.rules).map_err(StoreError::from));
        }
    }

    fn settle(self: Box<Self>, commit: Result<(), StoreError>) {
        let Self { answer, reply, queue, .. } = *self;
        let answer = commit.and_then(|()| answer.unwrap_or(Err(StoreError::Closed)));
        // A claim exists only once it is committed: giving back what was rolled back could take another's.
        let claim = answer.map(|found| found.map(|execution| Claim { execution: Some(execution), queue }));
        let _ = reply.send(claim);
    }

    fn error(&self) -> Option<&StoreError> {
        self.answer.as_ref().and_then(|answer| answer.as_ref().err())
    }
}
