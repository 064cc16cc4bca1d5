//! Executions that are done later: accepted once they are on the disk, and resumed after a restart.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use integridai_tower::{CorrelationId, Deadline};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use super::{Caller, Engine, ExecuteRequest, Journal, Run, WorkflowError};
use crate::config::WorkflowsConfig;
use crate::store::{Execution, Finished, JsonText, NewExecution, Outcome, Store, StoreError};

/// A run that was cut short this often is given up: it may be what brings the gateway down.
const MAX_ATTEMPTS: u32 = 5;

/// A worker looks even if nobody calls: a call can get lost with a worker that was cut short.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// How long a worker leaves a store alone that cannot be claimed from.
const FAILED_CLAIM: Duration = Duration::from_secs(1);

/// The queue and its workers. A clone is the same.
#[derive(Debug, Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    store: Store,
    workflows: WorkflowsConfig,
    max_queued: u64,
    accepting: AtomicU64,
    work: Notify,
    stop: CancellationToken,
    abort: CancellationToken,
    workers: TaskTracker,
}

/// Why an execution was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// As many wait as may.
    #[error("the queue is full")]
    Full,
    /// It could not be written down.
    #[error("the execution could not be stored")]
    Store(#[from] StoreError),
}

impl Queue {
    /// A queue for at most `max_queued` executions. Nothing is done before [`start`](Self::start).
    #[must_use]
    pub fn new(engine: Engine, store: Store, workflows: WorkflowsConfig, max_queued: usize) -> Self {
        let shared = Shared {
            engine,
            store,
            workflows,
            max_queued: max_queued as u64,
            accepting: AtomicU64::new(0),
            work: Notify::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            workers: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes up what a run before left unfinished, and starts the workers.
    ///
    /// # Errors
    ///
    /// When the store cannot be changed.
    pub async fn start(&self, workers: usize) -> Result<u64, StoreError> {
        let resumed = self.shared.store.requeue_running().await?;
        for _ in 0..workers {
            self.shared.workers.spawn(Arc::clone(&self.shared).work());
        }
        Ok(resumed)
    }

    /// Accepts an execution: once this resolves, it will be done even if the gateway is killed, unless that happens
    /// in the midst of it five times: then it may be the cause, and is given up as failed.
    ///
    /// # Errors
    ///
    /// [`NotAccepted`]: nothing will be done.
    pub async fn accept(
        &self,
        id: Uuid,
        request: &ExecuteRequest,
        body: JsonText,
        caller: Caller,
    ) -> Result<(), NotAccepted> {
        let place = Place::take(&self.shared.accepting);
        if self.shared.store.queued_executions().await? + place.ahead >= self.shared.max_queued {
            return Err(NotAccepted::Full);
        }
        let execution = NewExecution {
            id,
            workflow: request.job.workflow().as_str().to_owned(),
            priority: request.priority,
            request: body,
            correlation_id: Some(caller.correlation_id.as_str().to_owned()),
            user_id: caller.user_id,
            timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
            created_at: OffsetDateTime::now_utc(),
        };
        self.shared.store.accept_execution(execution).await?;
        self.shared.work.notify_one();
        Ok(())
    }

    /// Takes up nothing more and waits for what is under way, for at most `grace`. What is not done by then is cut
    /// short; the next start resumes it.
    pub async fn drain(&self, grace: Duration) {
        self.shared.stop.cancel();
        self.shared.workers.close();
        if tokio::time::timeout(grace, self.shared.workers.wait()).await.is_err() {
            self.shared.abort.cancel();
            self.shared.workers.wait().await;
        }
    }
}

/// Held while an execution is being written down: those ahead of it may not be in the store's count yet. One that is
/// in both is counted twice, so that near the limit the queue may refuse early, but never takes too many.
struct Place<'a> {
    accepting: &'a AtomicU64,
    ahead: u64,
}

impl<'a> Place<'a> {
    fn take(accepting: &'a AtomicU64) -> Self {
        Self { accepting, ahead: accepting.fetch_add(1, Ordering::AcqRel) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.accepting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    async fn work(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            match self.store.claim_execution().await {
                Ok(Some(execution)) => {
                    // Where there is one there may be more: a notification wakes one worker only.
                    self.work.notify_one();
                    let span = tracing::info_span!(
                        "execution",
                        correlation_id = execution.correlation_id.as_deref().unwrap_or_default(),
                        workflow_id = %execution.id,
                        workflow = execution.workflow,
                    );
                    let (id, attempts) = (execution.id, execution.attempts);
                    let run = self.run(execution).instrument(span);
                    if self.abort.run_until_cancelled(run).await.is_none() {
                        self.give_back(id, attempts).await;
                    }
                }
                Ok(None) => self.idle(IDLE_LOOK).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no execution can be claimed");
                    self.idle(FAILED_CLAIM).await;
                }
            }
        }
    }

    /// A run that a drain cut short is no failed attempt.
    async fn give_back(&self, id: Uuid, attempts: u32) {
        if let Err(error) = self.store.release_execution(id, attempts).await {
            tracing::warn!(execution = %id, error = &error as &dyn std::error::Error, "an execution could not be given back; the next start takes it up");
        }
    }

    async fn idle(&self, time: Duration) {
        tokio::select! {
            () = self.work.notified() => {}
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    async fn run(&self, execution: Execution) {
        let (id, earlier) = (execution.id, execution.steps.clone());
        // A panic must not take the worker along, nor leave the execution running for good.
        let attempt = AssertUnwindSafe(self.attempt(execution)).catch_unwind().await;
        let (outcome, steps) = match attempt.unwrap_or_else(|_| Err((panicked(), earlier))) {
            Ok((result, steps)) => (Outcome::Succeeded { result }, steps),
            Err((error, steps)) => {
                tracing::warn!(status = error.status.as_u16(), message = error.message, "execution failed");
                let problem = serde_json::json!({ "status": error.status.as_u16(), "detail": error.message });
                (Outcome::Failed { error: problem.into(), result: None }, steps)
            }
        };
        let finished = Finished { outcome, steps, finished_at: OffsetDateTime::now_utc() };
        self.finish(id, finished).await;
    }

    async fn attempt(&self, execution: Execution) -> Result<(JsonText, JsonText), (WorkflowError, JsonText)> {
        let internal = |message: &str| WorkflowError::new(http::StatusCode::INTERNAL_SERVER_ERROR, message);
        let mut run = self.run_of(&execution);
        if execution.attempts > MAX_ATTEMPTS {
            metrics::counter!("integridai_executions_given_up_total").increment(1);
            self.engine.given_up_alert(&run, MAX_ATTEMPTS);
            return Err((internal("given up: every attempt was cut short"), execution.steps));
        }
        let body = execution
            .request
            .decode()
            .map_err(|_| (internal("the request is unreadable"), execution.steps.clone()))?;
        let request = ExecuteRequest::parse(body, execution.request.as_str(), &self.workflows)
            .map_err(|_| (internal("the request is not valid any more"), execution.steps.clone()))?;
        let outcome = self.engine.run(&request.job, &mut run).await;
        let steps = run.journal.to_json();
        match outcome.map(|result| result.to_json()) {
            Ok(Ok(result)) => Ok((result, steps)),
            Ok(Err(_)) => Err((internal("the result could not be written"), steps)),
            Err(error) => Err((error, steps)),
        }
    }

    fn run_of(&self, execution: &Execution) -> Run {
        let correlation_id = execution.correlation_id.as_deref().and_then(|id| id.parse().ok());
        Run {
            id: execution.id,
            correlation_id: correlation_id.unwrap_or_else(CorrelationId::generate),
            user_id: execution.user_id.clone(),
            created_at: execution.created_at,
            deadline: Deadline::after(Duration::from_millis(execution.timeout_ms)),
            begun: Instant::now(),
            journal: Journal::kept(self.store.clone(), execution.id, &execution.steps),
        }
    }

    /// The end is written down however long the disk fails; only a stop ends the attempts, and then the execution
    /// is resumed at the next start.
    async fn finish(&self, id: Uuid, finished: Finished) {
        let mut pause = Duration::from_millis(100);
        while let Err(error) = self.store.finish_execution(id, finished.clone()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an execution's end could not be stored"
            );
            if self.stop.is_cancelled() {
                return;
            }
            // Not `idle`, which would swallow a call that is meant for a worker without work.
            let _ = tokio::time::timeout(pause, self.stop.cancelled()).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

fn panicked() -> WorkflowError {
    tracing::error!("a workflow panicked");
    metrics::counter!("integridai_panics_total").increment(1);
    WorkflowError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "something went wrong inside")
}
