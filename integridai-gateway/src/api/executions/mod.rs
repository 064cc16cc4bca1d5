//! Where executions stand, and what may be done with them.

mod command;
mod list;

pub(super) use command::{__path_cancel, __path_replay, cancel, replay};
pub(super) use list::{__path_list, list};

use axum::Extension;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use integridai_tower::Principal;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Api, State};
use crate::orchestration::Step;
use crate::respond::{Problem, ProblemSchema};
use crate::store::{Execution, JsonText};
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
/// One's own; with the scope `admin` everybody's. Anything else is not there.
#[utoipa::path(
    get,
    path = "/api/v1/gateway/executions/{id}",
    tag = "workflows",
    params(
        ("id" = String, Path, description = "The execution's `workflow_id`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known"),
    ),
    responses(
        (status = 200, description = "The execution; with `Retry-After` while it has not ended", body = ExecutionStatus,
            headers(("ETag" = String, description = "Names this state of it"))),
        (status = 304, description = "It stands as `If-None-Match` says",
            headers(("ETag" = String, description = "Names this state of it"))),
        (status = 404, description = "No such execution", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn execution(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let status = ExecutionStatus::from(find(&api, &principal, id).await?);
    let body = serde_json::to_vec(&status).expect("texts and numbers always serialise");
    let tag = entity_tag(&body);
    let is_known = matches(&headers, &tag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, "application/json")], body).into_response(),
    };
    response.headers_mut().insert(ETAG, tag);
    // It may be kept by whoever asked, and is asked for again each time.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if status.finished_at.is_none() {
        response.headers_mut().insert(RETRY_AFTER, 1.into());
    }
    Ok(response)
}

/// What is somebody else's is answered like what is not there: an id tells nobody that it is in use.
async fn find(
    api: &Api,
    principal: &Principal,
    id: Result<Path<String>, PathRejection>,
) -> Result<Execution, Problem> {
    let id = id.ok().and_then(|Path(text)| Uuid::parse_str(&text).ok()).ok_or_else(unknown)?;
    let found = api.store.execution(id).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "an execution cannot be read");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "executions cannot be read at the moment")
    })?;
    let is_own = |found: &Execution| found.principal == api.identity(principal);
    found.filter(|found| api.sees_all(principal) || is_own(found)).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no execution with this id")
}

/// Strong (RFC 9110 §8.8.1), for the same bytes have the same: half of their SHA-256.
fn entity_tag(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let half: [u8; 16] = std::array::from_fn(|index| digest[index]);
    HeaderValue::try_from(format!("\"{:032x}\"", u128::from_be_bytes(half))).expect("hexadecimal digits")
}

/// `If-None-Match` (RFC 9110 §13.1.2): compared weakly, in any of its fields.
fn matches(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut given = fields.flat_map(|field| field.split(',')).map(str::trim);
    given.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given).as_bytes() == tag.as_bytes())
}

impl From<Execution> for ExecutionStatus {
    fn from(execution: Execution) -> Self {
        let steps: Vec<Step> = execution.steps.decode().unwrap_or_default();
        Self {
            workflow_id: execution.id.to_string(),
            workflow: execution.workflow,
            status: execution.state.as_str(),
            priority: execution.priority.as_str(),
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
