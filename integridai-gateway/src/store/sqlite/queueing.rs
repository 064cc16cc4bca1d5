//! The queue of executions, as the database's part of the store.
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::job::{self, ClaimTask};
use super::{Database, admission, executions, lists};
use crate::store::{
    Admission, Admitted, Cancellation, ClaimRules, Execution, ExecutionFilter, ExecutionSummary, Finished,
    Heartbeat, JsonText, Lease, NewKey, StoreError, SystemEvent,
};

impl Database {
    pub(in crate::store) async fn admit(
        &self,
        execution: Execution,
        bounds: Admission,
        key: Option<NewKey>,
    ) -> Result<Admitted, StoreError> {
        let now = OffsetDateTime::now_utc();
        self.command(move |connection| admission::admit(connection, &execution, &bounds, key.as_ref(), now))
            .await
    }

    pub(in crate::store) async fn claim(&self, rules: ClaimRules) -> Result<Option<Execution>, StoreError> {
        let (now, queue) = (OffsetDateTime::now_utc(), Arc::clone(&self.queue));
        let claim =
            self.submit(|reply| Box::new(ClaimTask { now, rules, answer: None, reply, queue })).await?;
        Ok(claim.and_then(job::Claim::take))
    }

    pub(in crate::store) async fn end_overdue(&self) -> Result<u64, StoreError> {
        self.command(move |connection| executions::end_overdue(connection, OffsetDateTime::now_utc())).await
    }

    pub(in crate::store) async fn until_due(&self) -> Result<Option<Duration>, StoreError> {
        self.read(executions::until_due).await
    }

    pub(in crate::store) async fn heartbeat(
        &self,
        lease: Lease,
        length: Duration,
    ) -> Result<Heartbeat, StoreError> {
        self.command(move |connection| executions::heartbeat(connection, lease, length)).await
    }

    pub(in crate::store) async fn save_steps(
        &self,
        lease: Lease,
        steps: JsonText,
    ) -> Result<bool, StoreError> {
        self.command(move |connection| executions::save_steps(connection, lease, &steps)).await
    }

    pub(in crate::store) async fn finish(
        &self,
        lease: Lease,
        finished: Finished,
        events: Vec<SystemEvent>,
    ) -> Result<bool, StoreError> {
        self.command(move |connection| executions::finish(connection, lease, &finished, &events)).await
    }

    pub(in crate::store) async fn retry(
        &self,
        lease: Lease,
        at: OffsetDateTime,
        steps: JsonText,
        error: JsonText,
    ) -> Result<bool, StoreError> {
        self.command(move |connection| executions::retry(connection, lease, at, &steps, &error)).await
    }

    pub(in crate::store) async fn release(&self, lease: Lease) -> Result<bool, StoreError> {
        self.command(move |connection| executions::release(connection, lease)).await
    }

    pub(in crate::store) async fn cancel(
        &self,
        id: Uuid,
        error: JsonText,
    ) -> Result<Cancellation, StoreError> {
        let now = OffsetDateTime::now_utc();
        self.command(move |connection| executions::cancel(connection, id, &error, now)).await
    }

    pub(in crate::store) async fn replay(
        &self,
        id: Uuid,
        steps: JsonText,
        deadline_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let now = OffsetDateTime::now_utc();
        self.command(move |connection| admission::replay(connection, id, &steps, deadline_at, now)).await
    }

    pub(in crate::store) async fn requeue_running(&self) -> Result<u64, StoreError> {
        self.command(executions::requeue_running).await
    }

    pub(in crate::store) async fn execution(&self, id: Uuid) -> Result<Option<Execution>, StoreError> {
        self.read(move |connection| executions::by_id(connection, id)).await
    }

    pub(in crate::store) async fn executions(
        &self,
        filter: ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.read(move |connection| lists::executions(connection, &filter, limit)).await
    }

    pub(in crate::store) async fn queued(&self) -> Result<u64, StoreError> {
        self.read(executions::queued).await
    }

    pub(in crate::store) async fn longest_wait(&self) -> Result<Option<Duration>, StoreError> {
        self.read(executions::longest_wait).await
    }

    pub(in crate::store) async fn executions_of_correlation(
        &self,
        id: String,
        most: u64,
    ) -> Result<u64, StoreError> {
        self.read(move |connection| executions::of_correlation(connection, &id, most)).await
    }
}
