//! One attempt at an execution, and how it ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use integridai_tower::correlation::{Correlation, TraceContext};
use integridai_tower::{CorrelationId, Deadline};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::events::Event;
use crate::orchestration::{ExecuteRequest, Journal, Run, WorkflowError, triggers};
use crate::store::{Execution, JsonText, Outcome};

/// An execution that was cut short this often is given up: it may be what brings the gateway down.
const MAX_INTERRUPTIONS: u32 = 5;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// For good. `steps` of `None` are those that were saved last.
    Final { outcome: Outcome, steps: Option<JsonText>, events: Vec<Event> },
    /// A step failed that is tried again.
    Again { pause: Duration, steps: JsonText, error: JsonText },
    /// It was taken away: by a drain, which gives it back, or by a lease that ended, of which nothing more is written.
    Taken { is_held: bool },
}

impl Ending {
    pub(super) fn cancelled() -> Self {
        Self::Final { outcome: Outcome::Cancelled { error: cancelled() }, steps: None, events: Vec::new() }
    }

    fn failed(error: &WorkflowError) -> Self {
        Self::Final { outcome: failure(error), steps: None, events: Vec::new() }
    }
}

/// What whoever asks for a cancelled execution is told.
pub(super) fn cancelled() -> JsonText {
    // nginx's status for a client that wants no answer; HTTP has none.
    serde_json::json!({ "status": 499, "detail": "cancelled on request" }).into()
}

/// Of an execution whose result has no place in the database.
pub(super) fn unstorable() -> Outcome {
    failure(&internal("its result cannot be stored"))
}

impl Shared {
    /// Does the work. A panic must not take the worker along, nor leave the execution running for good.
    pub(super) async fn attempt(&self, execution: Execution, lost: CancellationToken) -> Ending {
        let attempt = AssertUnwindSafe(self.try_it(execution, lost)).catch_unwind().await;
        attempt.unwrap_or_else(|_| Ending::failed(&panicked()))
    }

    async fn try_it(&self, execution: Execution, lost: CancellationToken) -> Ending {
        let mut run = self.run_of(&execution, lost);
        if execution.interruptions >= MAX_INTERRUPTIONS {
            metrics::counter!("integridai_executions_given_up_total").increment(1);
            self.engine.given_up_alert(&mut run, MAX_INTERRUPTIONS);
            let error = problem(&internal("given up: every attempt was cut short"));
            return Ending::Final { outcome: Outcome::Dead { error }, steps: None, events: run.events };
        }
        if run.deadline.has_passed() {
            let late = "the deadline passed before it could be done";
            return Ending::failed(&WorkflowError::new(StatusCode::GATEWAY_TIMEOUT, late));
        }
        let Ok(body) = execution.request.decode() else {
            return Ending::failed(&internal("the request is unreadable"));
        };
        let text = execution.request.as_str();
        let Ok((workflow, job)) = ExecuteRequest::job_of(body, text, &self.workflows) else {
            return Ending::failed(&internal("the request is not valid any more"));
        };
        let trace = execution.traceparent.as_deref().and_then(|trace| trace.parse::<TraceContext>().ok());
        // What it calls hears of the trace that it was handed in with.
        let correlation = Correlation::new(run.correlation_id.clone()).with_trace(trace);
        let outcome = correlation.scope(self.engine.run(workflow, &*job, &mut run)).await;
        ending(outcome.map(|result| result.to_json()), run)
    }

    fn run_of(&self, execution: &Execution, lost: CancellationToken) -> Run {
        let correlation_id = execution.correlation_id.as_deref().and_then(|id| id.parse().ok());
        let journal = Journal::kept(self.store.clone(), execution.lease(), lost, &execution.steps);
        Run {
            id: execution.id,
            correlation_id: correlation_id.unwrap_or_else(CorrelationId::generate),
            user_id: execution.user_id.clone(),
            owner: triggers::owner_of(execution),
            created_at: execution.created_at,
            deadline: deadline(execution),
            begun: Instant::now(),
            journal,
            backoff: Some(self.options.backoff),
            events: Vec::new(),
        }
    }
}

/// Of an execution that an earlier version accepted, the time of one attempt.
fn deadline(execution: &Execution) -> Deadline {
    Deadline::after(match execution.deadline_at {
        Some(moment) => (moment - OffsetDateTime::now_utc()).try_into().unwrap_or(Duration::ZERO),
        None => Duration::from_millis(execution.timeout_ms),
    })
}

fn ending(outcome: Result<Result<JsonText, serde_json::Error>, WorkflowError>, run: Run) -> Ending {
    let steps = Some(run.journal.to_json());
    match outcome {
        Ok(Ok(result)) => Ending::Final { outcome: Outcome::Succeeded { result }, steps, events: run.events },
        Ok(Err(_)) => Ending::failed(&internal("the result could not be written")),
        Err(error) => {
            tracing::warn!(status = error.status.as_u16(), message = error.message, "execution failed");
            if let Some(pause) = error.again_in {
                return Ending::Again { pause, steps: run.journal.to_kept_json(), error: problem(&error) };
            }
            match run.is_exhausted(&error) {
                // With what its steps gave, so that a replay goes on from there.
                true => {
                    let steps = Some(run.journal.to_kept_json());
                    let outcome = Outcome::Dead { error: problem(&error) };
                    Ending::Final { outcome, steps, events: run.events }
                }
                false => Ending::Final { outcome: failure(&error), steps, events: run.events },
            }
        }
    }
}

fn failure(error: &WorkflowError) -> Outcome {
    Outcome::Failed { error: problem(error), result: None }
}

fn problem(error: &WorkflowError) -> JsonText {
    serde_json::json!({ "status": error.status.as_u16(), "detail": error.message }).into()
}

fn internal(message: &str) -> WorkflowError {
    WorkflowError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn panicked() -> WorkflowError {
    tracing::error!("a workflow panicked");
    metrics::counter!("integridai_panics_total").increment(1);
    internal("something went wrong inside")
}
