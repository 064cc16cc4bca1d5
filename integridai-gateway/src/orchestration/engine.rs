//! Does what is asked, for requests that wait and for the queue alike.

use integridai_tower::client::ClientError;
use integridai_tower::{CorrelationId, Deadline};
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Job, Journal, Step, WorkflowError, WorkflowName, complete_analysis, training_sync};
use crate::events::{Event, EventType, Events};
use crate::services::{Consolidated, SystemAlert};
use crate::stack::Clients;

/// The workflows and what they need. A clone is the same.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) clients: Clients,
    pub(super) events: Events,
    pub(super) consolidated: Consolidated,
}

/// One execution on its way.
#[derive(Debug)]
pub struct Run {
    /// Which one.
    pub id: Uuid,
    /// The request it belongs to.
    pub correlation_id: CorrelationId,
    /// For whom.
    pub user_id: Option<String>,
    /// When it was asked for; a run after a restart has that of the first.
    pub created_at: OffsetDateTime,
    /// When it must be over.
    pub deadline: Deadline,
    /// When it began.
    pub begun: Instant,
    /// Its steps.
    pub journal: Journal,
}

/// What a workflow gave. The members of the other workflows are absent.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowResult {
    /// Always true here; a failure is a problem document with `success: false`.
    #[schema(example = true)]
    pub success: bool,
    /// `metrics_update`: `metrics_update_queued`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub status: Option<&'static str>,
    /// `complete_analysis`: RegTech's answer, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub regtech_analysis: Option<Box<RawValue>>,
    /// `training_sync`: the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub training_session: Option<Box<RawValue>>,
    /// Whether the Dashboard was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub dashboard_updated: Option<bool>,
    /// The execution's id.
    #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    pub workflow_id: String,
    /// What was done.
    pub steps: Vec<Step>,
    /// How long all of it took, in milliseconds.
    #[schema(example = 803.5)]
    pub duration_ms: f64,
}

impl WorkflowResult {
    pub(super) fn of(run: &Run) -> Self {
        Self {
            success: true,
            status: None,
            regtech_analysis: None,
            training_session: None,
            dashboard_updated: None,
            workflow_id: run.id.to_string(),
            steps: run.journal.shown(),
            duration_ms: super::journal::milliseconds(run.begun.elapsed()),
        }
    }
}

impl Engine {
    /// An engine over these services.
    #[must_use]
    pub fn new(clients: Clients, events: Events, consolidated: Consolidated) -> Self {
        Self { clients, events, consolidated }
    }

    /// Does the job.
    ///
    /// # Errors
    ///
    /// [`WorkflowError`] when a service that the job cannot do without failed.
    pub async fn run(&self, job: &Job, run: &mut Run) -> Result<WorkflowResult, WorkflowError> {
        let outcome = match job {
            Job::CompleteAnalysis(provider) => complete_analysis::run(self, provider, run).await,
            Job::TrainingSync(session) => training_sync::run(self, session, run).await,
            Job::MetricsUpdate => Ok(self.update_metrics(run)),
        };
        let ended = if outcome.is_ok() { "succeeded" } else { "failed" };
        let workflow = job.workflow().as_str();
        metrics::counter!("integridai_executions_total", "workflow" => workflow, "outcome" => ended)
            .increment(1);
        outcome
    }

    fn update_metrics(&self, run: &Run) -> WorkflowResult {
        let consolidated = self.consolidated.clone();
        tokio::spawn(async move { consolidated.refresh().await });
        WorkflowResult { status: Some("metrics_update_queued"), ..WorkflowResult::of(run) }
    }

    pub(super) fn emit<T: Serialize>(&self, kind: EventType, source: &'static str, data: &T, run: &Run) {
        match Event::new(kind, source, data) {
            Ok(event) => {
                self.events.emit(event.caused_by(&run.correlation_id).concerning(run.user_id.as_deref()));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event could not be written");
            }
        }
    }

    /// Tells subscribers and the log that the Dashboard was not told.
    pub(super) fn dashboard_alert(&self, run: &Run, error: &ClientError) {
        let message = format!("the dashboard was not updated: {}", super::failure::message(error));
        let mut alert = SystemAlert::new("warning", "dashboard_update_failed", "dashboard", message);
        alert.workflow_id = Some(run.id.to_string());
        self.emit(EventType::SystemAlert, "dashboard", &alert, run);
    }

    /// Tells subscribers and the log of an execution that may be what brings the gateway down.
    pub(super) fn given_up_alert(&self, run: &Run, attempts: u32) {
        let message = format!("an execution was given up: {attempts} attempts were cut short");
        let mut alert = SystemAlert::new("critical", "execution_given_up", "gateway", message);
        alert.workflow_id = Some(run.id.to_string());
        self.emit(EventType::SystemAlert, "gateway", &alert, run);
    }
}

impl Job {
    /// The workflow that does it.
    #[must_use]
    pub fn workflow(&self) -> WorkflowName {
        match self {
            Self::CompleteAnalysis(_) => WorkflowName::CompleteAnalysis,
            Self::TrainingSync(_) => WorkflowName::TrainingSync,
            Self::MetricsUpdate => WorkflowName::MetricsUpdate,
        }
    }
}

impl Run {
    /// Names the effect of one step, so that it is had once however often the step is tried.
    pub(super) fn idempotency_key(&self, step: &str) -> String {
        format!("{}:{step}", self.id)
    }
}
