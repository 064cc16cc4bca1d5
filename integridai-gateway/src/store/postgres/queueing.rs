//! The queue of executions, as the database's part of the store.
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::admission::Entrant;
use super::ending::Ending;
use super::entering::Entry;
use super::{Database, admission, claim_order, executions, lists};
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
        let entry = Entry { execution, bounds, now: OffsetDateTime::now_utc() };
        let Some(key) = key else {
            return self.notice_write(self.entrants.admit(&self.sessions, &self.runtime, entry).await);
        };
        let (entry, key) = (&entry, &key);
        self.command(|mut session, again| async move {
            admission::admit(&mut session, Entrant { entry, key, again }).await
        })
        .await
    }

    pub(in crate::store) async fn claim(&self, rules: ClaimRules) -> Result<Option<Execution>, StoreError> {
        let answer = self.claimers.claim(&self.sessions, &self.runtime, rules).await;
        self.notice_write(answer)
    }

    pub(in crate::store) async fn end_overdue(&self) -> Result<u64, StoreError> {
        self.command(|session, _| async move { claim_order::end_overdue(&session).await }).await
    }

    pub(in crate::store) async fn until_due(&self) -> Result<Option<Duration>, StoreError> {
        self.read(|session, _| async move { executions::until_due(&session).await }).await
    }

    pub(in crate::store) async fn heartbeat(
        &self,
        lease: Lease,
        length: Duration,
    ) -> Result<Heartbeat, StoreError> {
        self.command(|session, _| async move { executions::heartbeat(&session, lease, length).await }).await
    }

    pub(in crate::store) async fn save_steps(
        &self,
        lease: Lease,
        steps: JsonText,
    ) -> Result<bool, StoreError> {
        let steps = &steps;
        self.command(|session, _| async move { executions::save_steps(&session, lease, steps).await }).await
    }

    pub(in crate::store) async fn finish(
        &self,
        lease: Lease,
        finished: Finished,
        events: Vec<SystemEvent>,
    ) -> Result<bool, StoreError> {
        let ending = Ending { lease, finished, events };
        self.notice_write(self.finishers.finish(&self.sessions, &self.runtime, ending).await)
    }

    pub(in crate::store) async fn retry(
        &self,
        lease: Lease,
        at: OffsetDateTime,
        steps: JsonText,
        error: JsonText,
    ) -> Result<bool, StoreError> {
        let (steps, error) = (&steps, &error);
        self.command(|session, _| async move { executions::retry(&session, lease, at, steps, error).await })
            .await
    }

    pub(in crate::store) async fn release(&self, lease: Lease) -> Result<bool, StoreError> {
        self.command(|session, _| async move { executions::release(&session, lease).await }).await
    }

    pub(in crate::store) async fn cancel(
        &self,
        id: Uuid,
        error: JsonText,
    ) -> Result<Cancellation, StoreError> {
        let (error, now) = (&error, OffsetDateTime::now_utc());
        self.command(|session, _| async move { executions::cancel(&session, id, error, now).await }).await
    }

    pub(in crate::store) async fn replay(
        &self,
        id: Uuid,
        steps: JsonText,
        deadline_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let (steps, now) = (&steps, OffsetDateTime::now_utc());
        self.command(|mut session, _| async move {
            admission::replay(&mut session, id, steps, deadline_at, now).await
        })
        .await
    }

    /// None: what runs may run at another gateway. What does not is taken over once its lease ends.
    #[allow(clippy::unused_async, reason = "the other database has something to wait for")]
    pub(in crate::store) async fn requeue_running(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    pub(in crate::store) async fn execution(&self, id: Uuid) -> Result<Option<Execution>, StoreError> {
        self.read(|session, _| async move { executions::by_id(&session, id).await }).await
    }

    pub(in crate::store) async fn executions(
        &self,
        filter: ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionSummary>, StoreError> {
        let filter = &filter;
        self.read(|session, _| async move { lists::executions(&session, filter, limit).await }).await
    }

    pub(in crate::store) async fn queued(&self) -> Result<u64, StoreError> {
        self.read(|session, _| async move { executions::queued(&session).await }).await
    }

    pub(in crate::store) async fn longest_wait(&self) -> Result<Option<Duration>, StoreError> {
        self.read(|session, _| async move { executions::longest_wait(&session).await }).await
    }

    pub(in crate::store) async fn executions_of_correlation(
        &self,
        id: String,
        most: u64,
    ) -> Result<u64, StoreError> {
        let id = &id;
        self.read(|session, _| async move { executions::of_correlation(&session, id, most).await }).await
    }
}
