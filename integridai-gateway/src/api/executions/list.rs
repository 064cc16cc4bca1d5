//! `GET /api/v1/gateway/executions`

use axum::Extension;
use axum::extract::RawQuery;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::StatusCode;
use http::header::LINK;
use integridai_tower::Principal;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::State;
use crate::respond::{Problem, ProblemSchema};
use crate::store::{ExecutionFilter, ExecutionState, ExecutionSummary};
use crate::timestamp::{self, parse as moment};

/// Executions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ExecutionList {
    /// The executions.
    executions: Vec<ListedExecution>,
    /// What to ask with as `cursor` for those that come after; `null` at the end.
    next: Option<String>,
}

/// An execution in a list; ask for it by its id for the rest.
#[derive(Debug, Serialize, ToSchema)]
struct ListedExecution {
    /// The execution's id.
    workflow_id: String,
    /// The workflow.
    #[schema(example = "complete_analysis")]
    workflow: String,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled` or `dead`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// `low`, `normal` or `high`.
    #[schema(example = "normal")]
    priority: &'static str,
    /// The request it came from.
    correlation_id: Option<String>,
    /// Who asked.
    user_id: Option<String>,
    /// When it was accepted.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    created_at: String,
    /// When the last attempt began.
    started_at: Option<String>,
    /// When it ended.
    finished_at: Option<String>,
    /// How often it was begun.
    #[schema(example = 1)]
    attempts: u32,
}

/// Lists executions, newest first.
///
/// One's own; with the scope `admin` everybody's.
#[utoipa::path(
    get,
    path = "/api/v1/gateway/executions",
    operation_id = "list_executions",
    tag = "workflows",
    params(
        ("workflow" = Option<String>, Query, description = "Only those of this workflow", example = "complete_analysis"),
        ("status" = Option<String>, Query, description = "Only those in this state", example = "dead"),
        ("user_id" = Option<String>, Query, description = "Only those of this user"),
        ("from" = Option<String>, Query, description = "Only those accepted at this moment (RFC 3339) or later", example = "2026-11-24T10:00:00Z"),
        ("until" = Option<String>, Query, description = "Only those accepted before this moment (RFC 3339)", example = "2026-11-24T11:00:00Z"),
        ("limit" = Option<u32>, Query, description = "At most so many, 1 to 500; 50 if it is absent", minimum = 1, maximum = 500, example = 50),
        ("cursor" = Option<String>, Query, description = "`next` of the list before"),
    ),
    responses(
        (status = 200, description = "The executions", body = ExecutionList,
            headers(("Link" = Option<String>, description = "`rel=\"next\"`: those that come after (RFC 8288)"))),
        (status = 400, description = "A parameter that is unknown or wrong", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn list(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let Asked { mut filter, limit } = Asked::read(&query)?;
    filter.principal = (!api.sees_all(&principal)).then(|| api.identity(&principal));
    // One more than asked for tells whether there are more.
    let found = api.store.executions(filter, limit + 1).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "executions cannot be listed");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "executions cannot be read at the moment")
    })?;
    let limit = limit as usize;
    let next = (found.len() > limit).then(|| found.get(limit - 1).map(cursor)).flatten();
    let link = next.as_ref().map(|next| AppendHeaders([(LINK, link(&query, next))]));
    let executions = found.into_iter().take(limit).map(ListedExecution::from).collect();
    Ok((link, axum::Json(ExecutionList { executions, next })).into_response())
}

struct Asked {
    filter: ExecutionFilter,
    limit: u32,
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;

impl Asked {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut asked = Self { filter: ExecutionFilter::default(), limit: DEFAULT_LIMIT };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |expected: &str| {
                Problem::new(StatusCode::BAD_REQUEST, format!("{name}: expected {expected}"))
            };
            match &*name {
                "workflow" => asked.filter.workflow = Some(value.into_owned()),
                "user_id" => asked.filter.user_id = Some(value.into_owned()),
                "status" => {
                    let state = ExecutionState::ALL.into_iter().find(|state| state.as_str() == value);
                    let names = ExecutionState::ALL.map(ExecutionState::as_str).join(", ");
                    asked.filter.state = Some(state.ok_or_else(|| wrong(&format!("one of {names}")))?);
                }
                "from" => asked.filter.from = Some(moment(&value).ok_or_else(|| wrong(A_MOMENT))?),
                "until" => asked.filter.until = Some(moment(&value).ok_or_else(|| wrong(A_MOMENT))?),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    asked.limit = limit.ok_or_else(|| wrong(&format!("1 to {MAX_LIMIT}")))?;
                }
                "cursor" => {
                    asked.filter.after = Some(place(&value).ok_or_else(|| wrong("`next` of a list"))?);
                }
                _ => return Err(wrong("none of this name")),
            }
        }
        Ok(asked)
    }
}

const A_MOMENT: &str = "a moment (RFC 3339)";

/// Microseconds, which the store keeps, and the id.
fn cursor(last: &ExecutionSummary) -> String {
    format!("{}-{}", last.created_at.unix_timestamp_nanos() / 1_000, last.id.simple())
}

fn place(cursor: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (micros, id) = cursor.rsplit_once('-')?;
    let nanos = micros.parse::<i64>().ok().map(|micros| i128::from(micros) * 1_000)?;
    Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, Uuid::try_parse(id).ok()?))
}

fn link(query: &str, next: &str) -> String {
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("cursor", next)
        .finish();
    format!("</api/v1/gateway/executions?{query}>; rel=\"next\"")
}

impl From<ExecutionSummary> for ListedExecution {
    fn from(execution: ExecutionSummary) -> Self {
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
            attempts: execution.attempts,
        }
    }
}
