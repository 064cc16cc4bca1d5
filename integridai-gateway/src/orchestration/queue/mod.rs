//! Executions that are done later: accepted once they are on the disk, claimed in turn under a lease, and taken over when
//! whoever had them is lost.

mod attempt;
mod lease;
mod options;
mod overdue;
mod waiters;
mod worker;

pub use options::QueueOptions;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use integridai_tower::correlation::Correlation;

use self::waiters::Waiters;
use super::{Caller, Engine, ExecuteRequest, Workflows};
use crate::store::{
    Admitted, Appended, Cancellation, ClaimRules, Execution, JsonText, KeyAnswer, NewExecution, NewKey,
    NewStart, Published, Started, Store, StoreError, SystemEvent,
};
use crate::telemetry::traces::{Span, SpanKind};

/// The queue and its workers. A clone is the same.
#[derive(Debug, Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    store: Store,
    workflows: Workflows,
    options: QueueOptions,
    rules: ClaimRules,
    work: Notify,
    /// Held by the one idle worker that looks by itself.
    watch: tokio::sync::Mutex<()>,
    waiters: Waiters,
    /// What runs in this process: how to end it before its time.
    running: Mutex<HashMap<Uuid, CancellationToken>>,
    stop: CancellationToken,
    abort: CancellationToken,
    workers: TaskTracker,
}

/// What became of a request that was handed in.
#[derive(Debug, Clone, PartialEq)]
pub enum Handed {
    /// It will be done, under this id.
    Accepted(Uuid),
    /// It was handed in before under the same idempotency key: this is what became of it.
    Repeated(Box<Execution>, KeyAnswer),
}

/// Why an execution was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// As many wait as may.
    #[error("the queue is full")]
    Full,
    /// As many of this caller wait as may.
    #[error("as many executions of this caller wait as may")]
    CallerFull,
    /// As many idempotency keys are kept as may.
    #[error("as many idempotency keys are kept as may")]
    KeysFull,
    /// The idempotency key belongs to another payload.
    #[error("the idempotency key was used for another payload")]
    KeyReused,
    /// It could not be written down.
    #[error("the execution could not be stored")]
    Store(#[from] StoreError),
}

impl Queue {
    /// A queue. Nothing is done before [`start`](Self::start).
    #[must_use]
    pub fn new(engine: Engine, store: Store, workflows: Workflows, options: QueueOptions) -> Self {
        let rules = ClaimRules {
            worker: format!("gateway-{}", Uuid::now_v7()),
            lease: options.lease,
            max_running_per_principal: options.max_running_per_principal,
            max_running: options.max_running.clone(),
        };
        let shared = Shared {
            engine,
            store,
            workflows,
            options,
            rules,
            work: Notify::new(),
            watch: tokio::sync::Mutex::default(),
            waiters: Waiters::default(),
            running: Mutex::default(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            workers: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Starts so many workers.
    pub fn start(&self, workers: usize) {
        self.shared.workers.spawn(Arc::clone(&self.shared).end_overdue());
        for _ in 0..workers {
            self.shared.workers.spawn(Arc::clone(&self.shared).work());
        }
    }

    /// Accepts an execution: once this resolves, it will be done even if the gateway is killed, unless that happens
    /// in the midst of it five times: then it may be the cause, and is given up.
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
        key: Option<NewKey>,
    ) -> Result<Handed, NotAccepted> {
        let execution = execution(id, request, body, caller);
        let admitted =
            self.shared.store.admit_execution(execution, self.shared.options.admission, key).await?;
        self.shared.work.notify_one();
        handed(id, admitted)
    }

    /// Writes events into the log, and accepts the executions that they start: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`NotAccepted`]: nothing will be done, and nothing is in the log.
    pub async fn publish(
        &self,
        events: Vec<SystemEvent>,
        starts: Vec<NewStart>,
    ) -> Result<(Vec<Appended>, Vec<Started>), NotAccepted> {
        if starts.is_empty() {
            let appended =
                if events.is_empty() { vec![] } else { self.shared.store.append_events(events).await? };
            return Ok((appended, Vec::new()));
        }
        match self.shared.store.publish_events(events, starts, self.shared.options.admission).await? {
            Published::Stored(appended, started) => {
                self.shared.work.notify_one();
                Ok((appended, started))
            }
            Published::Refused(refusal) => Err(not_accepted(&refusal)),
        }
    }

    /// Waits for the end of an execution, for at most this long, and answers how it stands then; `None`: it is not
    /// there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn wait(&self, id: Uuid, most: Duration) -> Result<Option<Execution>, StoreError> {
        self.shared.waiters.wait(&self.shared.store, id, most).await
    }

    /// Has an execution end before its time: at once if it waits, and if it runs as soon as its worker knows of it.
    ///
    /// # Errors
    ///
    /// When the wish cannot be stored.
    pub async fn cancel(&self, id: Uuid) -> Result<Cancellation, StoreError> {
        let cancellation = self.shared.store.cancel_execution(id, attempt::cancelled()).await?;
        match cancellation {
            Cancellation::Requested => {
                let running = self.shared.running().get(&id).cloned();
                running.iter().for_each(CancellationToken::cancel);
            }
            Cancellation::Cancelled => self.shared.waiters.wake(id),
            _ => {}
        }
        Ok(cancellation)
    }

    /// Puts an execution that was given up back into the queue, with all of its time. `false`: it is not given up.
    ///
    /// # Errors
    ///
    /// When it cannot be stored.
    pub async fn replay(&self, execution: &Execution) -> Result<bool, StoreError> {
        let timeout = time::Duration::milliseconds(i64::try_from(execution.timeout_ms).unwrap_or(i64::MAX));
        let deadline = OffsetDateTime::now_utc().saturating_add(timeout);
        let steps = super::Step::only_done(&execution.steps);
        let is_back = self.shared.store.replay_execution(execution.id, steps, deadline).await?;
        self.shared.work.notify_one();
        Ok(is_back)
    }

    /// Takes up nothing more and waits for what is under way, for at most `grace`. What is not done by then is cut
    /// short; the next start, or another gateway, takes it up.
    pub async fn drain(&self, grace: Duration) {
        self.shared.stop.cancel();
        self.shared.workers.close();
        if tokio::time::timeout(grace, self.shared.workers.wait()).await.is_err() {
            self.shared.abort.cancel();
            self.shared.workers.wait().await;
        }
    }
}

/// An execution of now.
pub(super) fn execution(id: Uuid, request: &ExecuteRequest, body: JsonText, caller: Caller) -> NewExecution {
    let now = OffsetDateTime::now_utc();
    NewExecution {
        id,
        workflow: request.workflow.to_owned(),
        priority: request.priority,
        request: body,
        correlation_id: Some(caller.correlation_id.as_str().to_owned()),
        user_id: caller.user_id,
        principal: caller.principal,
        timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
        created_at: now,
        run_at: request.start.moment(now),
        traceparent: handed_in(id, request.workflow),
    }
}

/// Where in a trace it was handed in, also where nothing here takes spans: whoever it calls may.
fn handed_in(id: Uuid, workflow: &'static str) -> Option<String> {
    let mut span = Span::begin(SpanKind::Producer, || "send executions");
    span.tell(|span| {
        span.set("messaging.operation.name", "send");
        span.set("messaging.destination.name", "executions");
        span.set("messaging.message.id", id.to_string());
        span.set("integridai.workflow", workflow);
    });
    let own = span.trace().map(ToString::to_string);
    own.or_else(|| Correlation::current()?.trace().map(ToString::to_string))
}

fn handed(id: Uuid, admitted: Admitted) -> Result<Handed, NotAccepted> {
    match admitted {
        Admitted::Accepted => Ok(Handed::Accepted(id)),
        Admitted::Repeated(execution, answer) => Ok(Handed::Repeated(execution, answer)),
        refusal => Err(not_accepted(&refusal)),
    }
}

fn not_accepted(refusal: &Admitted) -> NotAccepted {
    match refusal {
        Admitted::PrincipalFull => NotAccepted::CallerFull,
        Admitted::KeysFull => NotAccepted::KeysFull,
        Admitted::KeyReused => NotAccepted::KeyReused,
        _ => NotAccepted::Full,
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
