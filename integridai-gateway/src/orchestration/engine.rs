//! Does what is asked, for requests that wait and for the queue alike.

use std::sync::Arc;

use integridai_tower::client::ClientError;
use integridai_tower::client::integridai::{JsonObject, RawJson};
use metrics::{Counter, Gauge, Histogram};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Job, Run, Step, WorkflowError};
use crate::events::{Event, EventType, Events};
use crate::services::{Calls, Consolidated, SystemAlert};
use crate::stack::{Clients, CurrentClients};
use crate::store::JsonText;
use crate::telemetry::Series;
use crate::telemetry::traces::{self, Span, SpanKind};

/// The workflows and what they need. A clone is the same.
#[derive(Debug, Clone)]
pub struct Engine {
    clients: CurrentClients,
    pub(super) events: Events,
    pub(super) consolidated: Consolidated,
    pub(super) calls: Calls,
    ended: Series<(&'static str, &'static str), Ended>,
}

/// How many executions of a workflow ended so, and how long they took.
#[derive(Clone)]
struct Ended {
    count: Counter,
    time: Histogram,
}

/// An execution under way, until it is dropped: what is given up counts no longer.
struct Active(Gauge);

/// What a workflow gave. The members of the other workflows are absent.
#[derive(Debug, ToSchema)]
pub struct WorkflowResult {
    /// Always true here; a failure is a problem document with `success: false`.
    #[schema(example = true)]
    pub success: bool,
    /// `metrics_update`: `metrics_update_queued`.
    #[schema(example = json!(null))]
    pub status: Option<&'static str>,
    /// `complete_analysis`: RegTech's answer, as it came.
    #[schema(value_type = Option<Object>)]
    pub regtech_analysis: Option<RawJson>,
    /// `training_sync`: the session.
    #[schema(value_type = Option<Object>)]
    pub training_session: Option<RawJson>,
    /// What a workflow gave that is none of the gateway's own.
    #[schema(value_type = Option<Object>)]
    pub output: Option<RawJson>,
    /// Whether the Dashboard was told.
    #[schema(example = true)]
    pub dashboard_updated: Option<bool>,
    /// The execution's id.
    #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    pub workflow_id: String,
    /// What was done.
    #[schema(value_type = Vec<Step>)]
    pub steps: JsonText,
    /// How long all of it took, in milliseconds.
    #[schema(example = 803.5)]
    pub duration_ms: f64,
}

impl WorkflowResult {
    /// Of this run, without anything that a workflow adds.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            success: true,
            status: None,
            regtech_analysis: None,
            training_session: None,
            output: None,
            dashboard_updated: None,
            workflow_id: run.id.to_string(),
            steps: run.journal.to_json(),
            duration_ms: super::journal::milliseconds(run.begun.elapsed()),
        }
    }

    /// The answer to whoever asked, and what is kept of it.
    ///
    /// # Errors
    ///
    /// When it has no JSON form.
    pub fn to_json(&self) -> Result<JsonText, serde_json::Error> {
        let texts = [&self.regtech_analysis, &self.training_session, &self.output];
        let length: usize = texts.into_iter().flatten().map(|text| text.as_bytes().len()).sum();
        let room = length + self.steps.as_bytes().len() + ROOM_FOR_THE_REST;
        let mut object = JsonObject::with_capacity(room).member("success", &self.success)?;
        if let Some(status) = self.status {
            object = object.member("status", status)?;
        }
        if let Some(analysis) = &self.regtech_analysis {
            object = object.json("regtech_analysis", analysis);
        }
        if let Some(session) = &self.training_session {
            object = object.json("training_session", session);
        }
        if let Some(output) = &self.output {
            object = object.json("output", output);
        }
        if let Some(updated) = &self.dashboard_updated {
            object = object.member("dashboard_updated", updated)?;
        }
        let object = object.member("workflow_id", &self.workflow_id)?.json("steps", self.steps.as_ref());
        Ok(object.member("duration_ms", &self.duration_ms)?.end().into())
    }
}

/// For names, the id and figures.
const ROOM_FOR_THE_REST: usize = 256;

impl Engine {
    /// An engine over these services; `calls` measures what they are asked.
    #[must_use]
    pub fn new(
        clients: impl Into<CurrentClients>,
        events: Events,
        consolidated: Consolidated,
        calls: Calls,
    ) -> Self {
        Self { clients: clients.into(), events, consolidated, calls, ended: Series::default() }
    }

    /// Does the job. What happened is left in the run, to be told once its end is stored.
    ///
    /// # Errors
    ///
    /// [`WorkflowError`] when a service that the job cannot do without failed.
    pub async fn run(
        &self,
        workflow: &'static str,
        job: &dyn Job,
        run: &mut Run,
    ) -> Result<WorkflowResult, WorkflowError> {
        let active = Active::of(workflow);
        let mut span = span(workflow, run);
        let outcome = span.around(job.run(self, run)).await;
        drop(active);
        span.tell(|span| span.error = outcome.as_ref().err().map(|error| error.message.clone()));
        drop(span);
        let ended = match &outcome {
            Ok(_) => "succeeded",
            Err(error) if error.again_in.is_some() => "retried",
            Err(_) => "failed",
        };
        let ended = self.ended.of((workflow, ended), Ended::of);
        ended.count.increment(1);
        ended.time.record(run.begun.elapsed().as_secs_f64());
        outcome
    }

    /// Does the job for somebody who waits, and tells at once what happened.
    ///
    /// # Errors
    ///
    /// As those of [`run`](Self::run).
    pub async fn attend(
        &self,
        workflow: &'static str,
        job: &dyn Job,
        run: &mut Run,
    ) -> Result<WorkflowResult, WorkflowError> {
        let outcome = self.run(workflow, job, run).await;
        run.events.drain(..).for_each(|event| self.events.emit(event));
        outcome
    }

    /// The consolidated metrics that `metrics_update` gathers anew.
    #[must_use]
    pub fn consolidated(&self) -> &Consolidated {
        &self.consolidated
    }

    /// Counts an event that was stored with the end of its execution.
    pub(super) fn count(&self, event: &Event) {
        self.events.count(event);
    }

    /// The services, as they are configured now.
    #[must_use]
    pub fn clients(&self) -> Arc<Clients> {
        self.clients.get()
    }

    /// What measures calls to them; for [`Journal::step`](super::Journal::step).
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Has subscribers and the log told of something, once the end of the run is stored.
    pub fn emit<T: Serialize>(&self, kind: EventType, source: &'static str, data: &T, run: &mut Run) {
        match Event::new(kind, source, data) {
            Ok(event) => {
                let event = event
                    .caused_by(&run.correlation_id)
                    .asked_by(run.user_id.as_deref(), run.owner.as_deref());
                announce(&event);
                run.events.push(event);
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event could not be written");
            }
        }
    }

    /// Tells subscribers and the log that the Dashboard was not told.
    pub(super) fn dashboard_alert(&self, run: &mut Run, error: &ClientError) {
        let message = format!("the dashboard was not updated: {}", super::failure::message(error));
        let mut alert = SystemAlert::new("warning", "dashboard_update_failed", "dashboard", message);
        alert.workflow_id = Some(run.id.to_string());
        self.emit(EventType::SystemAlert, "dashboard", &alert, run);
    }

    /// Tells subscribers and the log of an execution that may be what brings the gateway down.
    pub(super) fn given_up_alert(&self, run: &mut Run, attempts: u32) {
        let message = format!("an execution was given up: {attempts} attempts were cut short");
        let mut alert = SystemAlert::new("critical", "execution_given_up", "gateway", message);
        alert.workflow_id = Some(run.id.to_string());
        self.emit(EventType::SystemAlert, "gateway", &alert, run);
    }
}

/// An execution from the queue goes on in the trace of whoever handed it in, and has a link to it: it may be long over.
fn span(workflow: &'static str, run: &Run) -> Span {
    let is_queued = run.backoff.is_some();
    let kind = if is_queued { SpanKind::Consumer } else { SpanKind::Internal };
    let mut span = Span::begin(kind, || format!("execute {workflow}"));
    span.tell(|span| {
        span.link = traces::current().filter(|_| is_queued);
        span.set("integridai.workflow", workflow);
        span.set("integridai.workflow_id", run.id.to_string());
        span.set("integridai.correlation_id", run.correlation_id.as_str().to_owned());
    });
    span
}

fn announce(event: &Event) {
    let mut span = Span::begin(SpanKind::Producer, || "send events");
    span.tell(|span| {
        span.set("messaging.operation.name", "send");
        span.set("messaging.destination.name", "events");
        span.set("messaging.message.id", event.id.to_string());
        span.set("integridai.event_type", event.kind.as_str());
    });
}

impl Ended {
    fn of((workflow, ended): (&'static str, &'static str)) -> Self {
        Self {
            count: metrics::counter!("integridai_executions_total", "workflow" => workflow, "outcome" => ended),
            time: metrics::histogram!(
                "integridai_execution_duration_seconds",
                "workflow" => workflow,
                "outcome" => ended,
            ),
        }
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ended").finish_non_exhaustive()
    }
}

impl Active {
    fn of(workflow: &'static str) -> Self {
        let active = metrics::gauge!("integridai_executions_active", "workflow" => workflow);
        active.increment(1);
        Self(active)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
