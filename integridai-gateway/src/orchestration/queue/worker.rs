//! A worker: claims, keeps its claim alive, and writes down what came of it.

use std::sync::Arc;
use std::time::Duration;

use integridai_tower::correlation::{TraceContext, TraceId};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use super::Shared;
use super::attempt::{self, Ending};
use crate::events::Event;
use crate::store::{Execution, Finished, JsonText, Lease, StoreError, SystemEvent};

/// A worker looks even if nobody calls: a call can get lost with a worker that was cut short, and other processes
/// hand in work too.
const IDLE_LOOK: Duration = Duration::from_secs(1);

/// How long a worker leaves a store alone that cannot be claimed from.
const FAILED_CLAIM: Duration = Duration::from_secs(1);

/// An execution to be done, and when it was asked for.
#[derive(Debug)]
struct Claimed {
    execution: Execution,
    asked: Instant,
}

impl Shared {
    pub(super) async fn work(self: Arc<Self>) {
        let mut next = None;
        while next.is_some() || !self.stop.is_cancelled() {
            let claimed = match next.take() {
                None => self.claim().await,
                claimed => Ok(claimed),
            };
            match claimed {
                Ok(Some(claimed)) => {
                    // Where there is one there may be more: a notification wakes one worker only.
                    self.work.notify_one();
                    let execution = &claimed.execution;
                    let span = tracing::info_span!(
                        "execution",
                        correlation_id = execution.correlation_id.as_deref().unwrap_or_default(),
                        trace_id = trace_id(execution).map(tracing::field::display),
                        workflow_id = %execution.id,
                        workflow = execution.workflow,
                    );
                    waited(execution);
                    next = self.hold(claimed).instrument(span).await;
                }
                Ok(None) => self.idle(self.until_due()).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no execution can be claimed");
                    self.idle(async { FAILED_CLAIM }).await;
                }
            }
        }
    }

    async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let asked = Instant::now();
        let claimed = self.store.claim_execution(&self.rules).await?;
        Ok(claimed.map(|execution| Claimed { execution, asked }))
    }

    /// Until something is due that nobody will call for.
    async fn until_due(&self) -> Duration {
        let until = self.store.until_due().await.ok().flatten();
        until.unwrap_or(IDLE_LOOK).clamp(Duration::from_millis(1), IDLE_LOOK)
    }

    /// Until somebody calls, or it is time to look. Of all idle workers one looks, and calls the next if there is
    /// something: a claim takes its turn with those of all other gateways.
    async fn idle(&self, time: impl Future<Output = Duration>) {
        let look = async {
            let _watch = self.watch.lock().await;
            tokio::time::sleep(time.await).await;
        };
        tokio::select! {
            () = self.work.notified() => {}
            () = self.stop.cancelled() => {}
            () = look => {}
        }
    }

    /// Does what was claimed for as long as its lease holds, and answers what is to be done next, if that is known.
    async fn hold(&self, claimed: Claimed) -> Option<Claimed> {
        let Claimed { execution, asked } = claimed;
        let (lease, cancel, lost) = (execution.lease(), CancellationToken::new(), CancellationToken::new());
        let _running = Running::enter(self, lease.id, &cancel);
        if execution.cancel_requested {
            cancel.cancel();
        }
        let Some(held_since) = self.held_since(lease, asked, &cancel).await else {
            lease_lost();
            return None;
        };
        let attempt = self.attempt(execution, lost.clone());
        let work = async {
            // Dropping the attempt ends its calls to services too.
            let ending = tokio::select! {
                biased;
                () = lost.cancelled() => Ending::Taken { is_held: false },
                () = cancel.cancelled() => Ending::cancelled(),
                () = self.abort.cancelled() => Ending::Taken { is_held: true },
                ending = attempt => ending,
            };
            self.settle(lease, ending).await
        };
        let next = tokio::select! {
            next = work => next,
            () = self.keep_alive(lease, held_since, &cancel, &lost) => None,
        };
        self.waiters.wake(lease.id);
        next
    }

    async fn settle(&self, lease: Lease, ending: Ending) -> Option<Claimed> {
        match ending {
            Ending::Final { outcome, steps, events } => {
                let finished = Finished { outcome, steps, finished_at: OffsetDateTime::now_utc() };
                return self.finish(lease, finished, events).await;
            }
            Ending::Again { pause, steps, error } => {
                metrics::counter!("integridai_execution_retries_total").increment(1);
                let at = OffsetDateTime::now_utc() + pause;
                let write = Write::Retry { at, steps, error };
                let answer = self.write(lease, &write).await;
                self.persist(lease, &write, answer).await;
                // Somebody has to wake when it is due.
                self.work.notify_one();
            }
            Ending::Taken { is_held: true } => self.give_back(lease).await,
            Ending::Taken { is_held: false } => lease_lost(),
        }
        None
    }

    /// Writes down the end, and claims the next one meanwhile.
    async fn finish(&self, lease: Lease, finished: Finished, told: Vec<Event>) -> Option<Claimed> {
        let rows: Vec<_> = told.iter().cloned().map(SystemEvent::from).collect();
        let write = Write::Finish { finished, events: rows };
        let writing = async {
            let answer = self.write(lease, &write).await;
            self.waiters.wake(lease.id);
            answer
        };
        let (answer, mut next) = tokio::join!(writing, self.claim_ahead());
        // Nobody knows how long an end will take that could not be written at once, and a drain begins nothing.
        if (answer.is_err() || self.stop.is_cancelled())
            && let Some(claimed) = next.take()
        {
            self.give_back(claimed.execution.lease()).await;
        }
        if self.persist(lease, &write, answer).await {
            told.iter().for_each(|event| self.engine.count(event));
        }
        next
    }

    /// None where there is none to be had now. Whoever gets none asks again once the end is written: it may have made room.
    async fn claim_ahead(&self) -> Option<Claimed> {
        if self.stop.is_cancelled() {
            return None;
        }
        self.claim().await.ok().flatten()
    }

    /// A run that a drain cut short is no failed attempt.
    pub(super) async fn give_back(&self, lease: Lease) {
        if let Err(error) = self.store.release_execution(lease).await {
            tracing::warn!(execution = %lease.id, error = &error as &dyn std::error::Error, "an execution could not be given back; it is taken up once its lease ends");
        }
    }

    /// The end is written down however long the disk fails; only a stop ends the attempts, of which the first has had this
    /// answer, and then the execution is resumed at the next start. What the database will never take is written down as a
    /// failure without it. Answers whether what came of it is written.
    async fn persist(&self, lease: Lease, write: &Write, mut answer: Result<(), StoreError>) -> bool {
        let mut pause = Duration::from_millis(100);
        let mut instead = None;
        loop {
            match answer {
                Ok(()) => return instead.is_none(),
                Err(StoreError::LeaseLost) => {
                    lease_lost();
                    return false;
                }
                Err(error) if error.is_refusal() && instead.is_none() => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "what came of an execution cannot be stored; it is written down as failed"
                    );
                    instead = Some(Write::refused());
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "an execution's end could not be stored");
                }
            }
            if self.stop.is_cancelled() {
                return false;
            }
            // Not `idle`, which would swallow a call that is meant for a worker without work.
            let _ = tokio::time::timeout(pause, self.stop.cancelled()).await;
            pause = (pause * 2).min(Duration::from_secs(5));
            answer = self.write(lease, instead.as_ref().unwrap_or(write)).await;
        }
    }

    async fn write(&self, lease: Lease, write: &Write) -> Result<(), StoreError> {
        match write.clone() {
            Write::Finish { finished, events } => self.store.finish_execution(lease, finished, events).await,
            Write::Retry { at, steps, error } => self.store.retry_execution(lease, at, steps, error).await,
        }
    }
}

/// What has to be stored of an attempt.
#[derive(Debug, Clone)]
enum Write {
    Finish { finished: Finished, events: Vec<SystemEvent> },
    Retry { at: OffsetDateTime, steps: JsonText, error: JsonText },
}

impl Write {
    /// Of what the database does not take, such as a number that has no place in it.
    fn refused() -> Self {
        let finished =
            Finished { outcome: attempt::unstorable(), steps: None, finished_at: OffsetDateTime::now_utc() };
        Self::Finish { finished, events: Vec::new() }
    }
}

fn trace_id(execution: &Execution) -> Option<TraceId> {
    let trace: TraceContext = execution.traceparent.as_deref()?.parse().ok()?;
    Some(trace.trace_id())
}

/// From when it was due to its claim; the database's clock and this one may differ.
fn waited(execution: &Execution) {
    let wait = OffsetDateTime::now_utc() - execution.run_at;
    metrics::histogram!("integridai_execution_wait_seconds").record(wait.as_seconds_f64().max(0.0));
}

fn lease_lost() {
    metrics::counter!("integridai_execution_leases_lost_total").increment(1);
    tracing::warn!("the lease was lost: the execution is another worker's, and nothing more was written");
}

/// An execution that can be ended by its id, until this is dropped.
struct Running<'a> {
    shared: &'a Shared,
    id: Uuid,
}

impl<'a> Running<'a> {
    fn enter(shared: &'a Shared, id: Uuid, cancel: &CancellationToken) -> Self {
        shared.running().insert(id, cancel.clone());
        Self { shared, id }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.running().remove(&self.id);
    }
}
