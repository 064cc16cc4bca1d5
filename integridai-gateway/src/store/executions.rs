//! The queue of executions, as a part of the store.
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::backend::Backend;
use super::{
    Admission, Admitted, Cancellation, ClaimRules, Execution, ExecutionFilter, ExecutionSummary, Finished,
    Heartbeat, JsonText, Lease, NewExecution, NewKey, Store, StoreError, SystemEvent,
};

impl Store {
    /// Puts an execution into the queue, if there is room and its key is new. Once this resolves with
    /// [`Admitted::Accepted`] it survives a crash, with its key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is taken; otherwise it could not be stored.
    pub async fn admit_execution(
        &self,
        execution: NewExecution,
        admission: Admission,
        key: Option<NewKey>,
    ) -> Result<Admitted, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.admit(execution.into(), admission, key).await,
            Backend::Postgres(database) => database.admit(execution.into(), admission, key).await,
        }
    }

    /// Puts an execution into the queue, however many wait.
    ///
    /// # Errors
    /// As those of [`admit_execution`](Self::admit_execution).
    pub async fn accept_execution(&self, execution: NewExecution) -> Result<(), StoreError> {
        self.admit_execution(execution, Admission::UNBOUNDED, None).await.map(drop)
    }

    /// Takes the next execution out of the queue, if one is due that the rules let run: the one of the smallest
    /// rank (see [`next_rank`](super::next_rank)). No two callers get the same one. Before it looks, what has not been heard of
    /// for the length of its lease goes back into the queue, what has become due joins it, and what waited beyond its
    /// deadline ends as failed.
    ///
    /// # Errors
    /// When the claim could not be stored.
    pub async fn claim_execution(&self, rules: &ClaimRules) -> Result<Option<Execution>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.claim(rules.clone()).await,
            Backend::Postgres(database) => database.claim(rules.clone()).await,
        }
    }

    /// Ends as failed what waits beyond its deadline, as a claim does, and answers how many that were.
    ///
    /// # Errors
    /// When the ends could not be stored.
    pub async fn end_overdue(&self) -> Result<u64, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.end_overdue().await,
            Backend::Postgres(database) => database.end_overdue().await,
        }
    }

    /// In what time the next execution that waits for its time is due, or a lease ends; none, if that has come.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn until_due(&self) -> Result<Option<Duration>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.until_due().await,
            Backend::Postgres(database) => database.until_due().await,
        }
    }

    /// Makes a lease hold for so long from now. Of a PostgreSQL it is the server's clock that counts, here and wherever
    /// it is looked whether a lease has ended or a moment has come: those of its gateways may differ.
    ///
    /// # Errors
    /// When the change could not be stored.
    pub async fn heartbeat(&self, lease: Lease, length: Duration) -> Result<Heartbeat, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.heartbeat(lease, length).await,
            Backend::Postgres(database) => database.heartbeat(lease, length).await,
        }
    }

    /// Replaces the steps of a running execution.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], and nothing was changed; otherwise the steps could not be stored.
    pub async fn save_steps(&self, lease: Lease, steps: JsonText) -> Result<(), StoreError> {
        held(match &*self.database {
            Backend::Sqlite(database) => database.save_steps(lease, steps).await,
            Backend::Postgres(database) => database.save_steps(lease, steps).await,
        }?)
    }

    /// Ends a running execution, and records what happened, both or neither.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], and nothing was changed; otherwise the end could not be stored.
    pub async fn finish_execution(
        &self,
        lease: Lease,
        finished: Finished,
        events: Vec<SystemEvent>,
    ) -> Result<(), StoreError> {
        held(match &*self.database {
            Backend::Sqlite(database) => database.finish(lease, finished, events).await,
            Backend::Postgres(database) => database.finish(lease, finished, events).await,
        }?)
    }

    /// Puts a running execution back to be tried again at this moment; `error` tells why.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], and nothing was changed; otherwise the change could not be stored.
    pub async fn retry_execution(
        &self,
        lease: Lease,
        at: OffsetDateTime,
        steps: JsonText,
        error: JsonText,
    ) -> Result<(), StoreError> {
        held(match &*self.database {
            Backend::Sqlite(database) => database.retry(lease, at, steps, error).await,
            Backend::Postgres(database) => database.retry(lease, at, steps, error).await,
        }?)
    }

    /// Gives a claim back: the execution waits again in its old place, and this attempt does not count.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], and nothing was changed; otherwise the change could not be stored.
    pub async fn release_execution(&self, lease: Lease) -> Result<(), StoreError> {
        held(match &*self.database {
            Backend::Sqlite(database) => database.release(lease).await,
            Backend::Postgres(database) => database.release(lease).await,
        }?)
    }

    /// Cancels an execution that waits, or asks the worker of one that runs to.
    ///
    /// # Errors
    /// When the change could not be stored.
    pub async fn cancel_execution(&self, id: Uuid, error: JsonText) -> Result<Cancellation, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.cancel(id, error).await,
            Backend::Postgres(database) => database.cancel(id, error).await,
        }
    }

    /// Puts an execution that was given up back into the queue, with these steps and this deadline. `false`: it is
    /// not given up.
    ///
    /// # Errors
    /// When the change could not be stored.
    pub async fn replay_execution(
        &self,
        id: Uuid,
        steps: JsonText,
        deadline_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.replay(id, steps, deadline_at).await,
            Backend::Postgres(database) => database.replay(id, steps, deadline_at).await,
        }
    }

    /// Puts every running execution back into the queue and answers how many: for the start of the only process
    /// that has the file, when whatever is marked as running was cut short. In a PostgreSQL none: it may run at another
    /// gateway, and is taken over once its lease ends.
    ///
    /// # Errors
    /// When the change could not be stored.
    pub async fn requeue_running(&self) -> Result<u64, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.requeue_running().await,
            Backend::Postgres(database) => database.requeue_running().await,
        }
    }

    /// The executions that the filter lets through, newest first; at most 1 000.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionSummary>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.executions(filter, limit).await,
            Backend::Postgres(database) => database.executions(filter, limit).await,
        }
    }

    /// The execution with this id.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn execution(&self, id: Uuid) -> Result<Option<Execution>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.execution(id).await,
            Backend::Postgres(database) => database.execution(id).await,
        }
    }

    /// How many executions a correlation id has, counted up to `most`.
    ///
    /// # Errors
    /// When they could not be counted.
    pub async fn executions_of_correlation(&self, id: String, most: u64) -> Result<u64, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.executions_of_correlation(id, most).await,
            Backend::Postgres(database) => database.executions_of_correlation(id, most).await,
        }
    }

    /// How many executions wait to be claimed.
    ///
    /// # Errors
    /// When they could not be counted.
    pub async fn queued_executions(&self) -> Result<u64, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.queued().await,
            Backend::Postgres(database) => database.queued().await,
        }
    }

    /// How long the execution that was accepted first, of those that could run and wait to be claimed, has waited.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn longest_wait(&self) -> Result<Option<Duration>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.longest_wait().await,
            Backend::Postgres(database) => database.longest_wait().await,
        }
    }
}

fn held(is_held: bool) -> Result<(), StoreError> {
    if is_held { Ok(()) } else { Err(StoreError::LeaseLost) }
}
