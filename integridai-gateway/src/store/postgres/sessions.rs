//! A bounded number of commands and reads, each with a connection for its time.
use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::connect::Connector;
use super::failure;
use super::options::PostgresOptions;
pub(super) use super::session::Session;
use super::session::{Watch, watched};
use crate::store::{StoreConnections, StoreError};

/// What the network is given beyond the time that the server takes.
const JOURNEY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Sessions {
    pool: Pool,
    connector: Connector,
    pending: Semaphore,
    /// How long a statement and its way there and back may take.
    patience: Duration,
}

impl Sessions {
    pub(super) fn new(pool: Pool, connector: Connector, options: &PostgresOptions) -> Self {
        let pending = options.pending_commands.clamp(1, Semaphore::MAX_PERMITS);
        let patience = options.statement_timeout.saturating_add(JOURNEY);
        Self { pool, connector, pending: Semaphore::new(pending), patience }
    }

    /// Does work that may be done twice, and does it once more where the connection broke. The second time it is told
    /// so: the first may have succeeded without our hearing of it.
    pub(super) async fn repeatable<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let _turn = self.turn()?;
        self.twice(work).await
    }

    /// Reads, which may be done twice as well, and is of no use once nobody waits for it.
    pub(super) async fn read<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let _turn = self.turn()?;
        self.watched_twice(work).await
    }

    /// Does work for all who ask at once, whole or not at all; where one of them is at fault, for each alone. For those who have a
    /// turn already, each in its task.
    pub(super) async fn for_all<Q, A>(
        &self,
        questions: &[Q],
        work: impl for<'a> Fn(Session, &'a [Q], bool) -> BoxFuture<'a, Result<Vec<A>, StoreError>>,
    ) -> Vec<Result<A, StoreError>> {
        let error = match self.watched_twice(|session, again| work(session, questions, again)).await {
            Ok(answers) => return answers.into_iter().map(Ok).collect(),
            Err(error) => error,
        };
        if questions.len() == 1 || !failure::is_of_one(&error) {
            return questions.iter().map(|_| Err(error.clone())).collect();
        }
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let alone = self
                .watched_twice(|session, again| work(session, std::slice::from_ref(question), again))
                .await;
            answers.push(alone.and_then(|mut answers| answers.pop().ok_or(StoreError::Closed)));
        }
        answers
    }

    async fn watched_twice<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        match self.watched(|session| work(session, false)).await {
            Err(error) if failure::is_broken_connection(&error) => {
                self.forget_idle();
                self.watched(|session| work(session, true)).await
            }
            answer => answer,
        }
    }

    async fn twice<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        match self.attempt(|session| work(session, false)).await {
            Err(error) if failure::is_broken_connection(&error) => {
                self.forget_idle();
                self.attempt(|session| work(session, true)).await
            }
            answer => answer,
        }
    }

    /// A place among those whose number is bounded, until it is dropped.
    pub(super) fn turn(&self) -> Result<impl Drop + use<'_>, StoreError> {
        self.pending.try_acquire().map_err(|error| match error {
            tokio::sync::TryAcquireError::NoPermits => StoreError::Busy,
            tokio::sync::TryAcquireError::Closed => StoreError::Closed,
        })
    }

    /// Does work once.
    async fn attempt<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let session = self.pool.get().await.map_err(failure::no_session)?;
        self.in_time(work(Session::new(session))).await
    }

    /// Does work once, for whoever has a turn already; where it is dropped, it is broken off at the server and rolled back.
    pub(super) async fn watched<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let session = self.pool.get().await.map_err(failure::no_session)?;
        let watch = Watch::new(self.connector.clone());
        let reading = work(Session::watched(session, watch.clone()));
        // In a box: it is large, and there is room for two.
        self.in_time(watched(&watch, Box::pin(reading))).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(answer) => answer,
            Err(_) => {
                // It lies in the pool again, and what it was asked would hold up the next one.
                self.forget_idle();
                Err(failure::silent())
            }
        }
    }

    pub(super) fn connections(&self) -> StoreConnections {
        let status = self.pool.status();
        StoreConnections {
            used: status.size.saturating_sub(status.available),
            idle: status.available,
            max: status.max_size,
            wanted: status.waiting,
        }
    }

    /// What broke one has likely broken those that lie idle, whether they have noticed or not.
    fn forget_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    /// From now on nothing new is taken; what is under way goes on.
    pub(super) fn close(&self) {
        self.pending.close();
        self.pool.close();
    }
}
