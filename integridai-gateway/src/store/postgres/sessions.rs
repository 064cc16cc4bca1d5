//! A bounded number of commands and reads, each with a connection for its time.
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::sync::Semaphore;

use super::failure;
use super::options::PostgresOptions;
use crate::store::StoreError;

/// What the network is given beyond the time that the server takes.
const JOURNEY: Duration = Duration::from_secs(5);

/// A connection for the time of some work, which goes back to the pool with it.
pub(super) type Session = Object;

#[derive(Debug)]
pub(super) struct Sessions {
    pool: Pool,
    pending: Semaphore,
    /// How long a statement and its way there and back may take.
    patience: Duration,
}

impl Sessions {
    pub(super) fn new(pool: Pool, options: &PostgresOptions) -> Self {
        let pending = options.pending_commands.clamp(1, Semaphore::MAX_PERMITS);
        let patience = options.statement_timeout.saturating_add(JOURNEY);
        Self { pool, pending: Semaphore::new(pending), patience }
    }

    /// Does work that may not be done twice.
    pub(super) async fn once<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let _turn = self.turn()?;
        self.attempt(work).await
    }

    /// Does work that may be done twice, and does it once more where the connection broke. The second time it is told
    /// so: the first may have succeeded without our hearing of it.
    pub(super) async fn repeatable<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let _turn = self.turn()?;
        match self.attempt(|session| work(session, false)).await {
            Err(error) if failure::is_broken_connection(&error) => {
                // What broke one has likely broken those that lie idle, whether they have noticed or not.
                self.pool.retain(|_, _| false);
                self.attempt(|session| work(session, true)).await
            }
            answer => answer,
        }
    }

    fn turn(&self) -> Result<impl Drop, StoreError> {
        self.pending.try_acquire().map_err(|error| match error {
            tokio::sync::TryAcquireError::NoPermits => StoreError::Busy,
            tokio::sync::TryAcquireError::Closed => StoreError::Closed,
        })
    }

    async fn attempt<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let session = self.pool.get().await.map_err(failure::no_session)?;
        match tokio::time::timeout(self.patience, work(session)).await {
            Ok(answer) => answer,
            Err(_) => {
                // It lies in the pool again, and what it was asked would hold up the next one.
                self.pool.retain(|_, _| false);
                Err(failure::silent())
            }
        }
    }

    /// From now on nothing new is taken; what is under way goes on.
    pub(super) fn close(&self) {
        self.pending.close();
        self.pool.close();
    }
}
