//! `GET /api/v1/gateway/executions/{id}`

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use crate::orchestration::Step;
use crate::respond::{Problem, ProblemSchema};
use crate::store::{Execution, JsonText, Priority};
use crate::timestamp;

/// Where an execution stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionStatus {
    /// The execution's id.
    workflow_id: String,
    /// The workflow.
    #[schema(example = "complete_analysis")]
    workflow: String,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled`, or `dead`: given up, and can be replayed.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// `low`, `normal` or `high`.
    #[schema(example = "normal")]
    priority: &'static str,
    /// The request it came from.
    correlation_id: Option<String>,
    /// Who asked: the subject of the token or API key, at most 100 characters; `null` with `auth.disabled`.
    user_id: Option<String>,
    /// When it was accepted.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    created_at: String,
    /// When the last attempt began.
    started_at: Option<String>,
    /// When it ended.
    finished_at: Option<String>,
    /// When it is due; after a step that failed, when that is tried again.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    run_at: String,
    /// When it is over, done or not; absent for one that was waited for.
    #[schema(example = "2026-11-24T11:00:00.000Z")]
    deadline_at: Option<String>,
    /// How often it was begun.
    #[schema(example = 1)]
    attempts: u32,
    /// What was done so far.
    steps: Vec<Step>,
    /// What it gave: what `execute` would have answered.
    #[schema(value_type = Option<Object>)]
    result: Option<JsonText>,
    /// What went wrong, of one that waits for another try the last time: `status` and `detail`.
    #[schema(value_type = Option<Object>)]
    error: Option<JsonText>,
}

/// Tells where an execution stands.
///
/// To anybody who has the scope, not only to whoever asked for it.
#[utoipa::path(
    get,
    path = "/api/v1/gateway/executions/{id}",
    tag = "workflows",
    params(("id" = String, Path, description = "The execution's `workflow_id`")),
    responses(
        (status = 200, description = "The execution; with `Retry-After` while it has not ended", body = ExecutionStatus),
        (status = 404, description = "No such execution", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn execution(
    axum::extract::State(api): State,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no execution with this id");
    let id = id.ok().and_then(|Path(text)| Uuid::parse_str(&text).ok()).ok_or_else(unknown)?;
    let found = api.store.execution(id).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "an execution cannot be read");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "executions cannot be read at the moment")
    })?;
    let status = ExecutionStatus::from(found.ok_or_else(unknown)?);
    let mut response = axum::Json(&status).into_response();
    if status.finished_at.is_none() {
        response.headers_mut().insert(RETRY_AFTER, 1.into());
    }
    Ok(response)
}

impl From<Execution> for ExecutionStatus {
    fn from(execution: Execution) -> Self {
        let steps: Vec<Step> = execution.steps.decode().unwrap_or_default();
        Self {
            workflow_id: execution.id.to_string(),
            workflow: execution.workflow,
            status: execution.state.as_str(),
            priority: match execution.priority {
                Priority::Low => "low",
                Priority::Normal => "normal",
                Priority::High => "high",
            },
            correlation_id: execution.correlation_id,
            user_id: execution.user_id,
            created_at: timestamp::format(execution.created_at),
            started_at: execution.started_at.map(timestamp::format),
            finished_at: execution.finished_at.map(timestamp::format),
            run_at: timestamp::format(execution.run_at),
            deadline_at: execution.deadline_at.map(timestamp::format),
            attempts: execution.attempts,
            steps: steps.iter().map(Step::shown).collect(),
            result: execution.result,
            error: execution.error,
        }
    }
}
