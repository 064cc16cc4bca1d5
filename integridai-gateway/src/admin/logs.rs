//! `GET` and `PUT /admin/v1/logs`

use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use integridai_tower::Principal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::State;
use super::body::{invalid, unreadable, wrong};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::telemetry::LogFilter;

/// Which events are logged.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Logs {
    /// A level, then exceptions as `target=level`.
    #[schema(example = "info,integridai_gateway::access=off")]
    filter: String,
}

/// Tells which events are logged.
#[utoipa::path(
    get,
    path = "/admin/v1/logs",
    tag = "gateway",
    responses(
        (status = 200, description = "The filter that holds now", body = Logs),
        (status = 409, description = "Something else than the gateway says what is logged", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn filter(axum::extract::State(admin): State) -> Result<Json<Logs>, Problem> {
    Ok(Json(Logs { filter: of(&admin)?.text() }))
}

/// Says which events are logged from now on.
///
/// Until the gateway ends, or `logs.filter` of a configuration that is loaded again is another one than before.
#[utoipa::path(
    put,
    path = "/admin/v1/logs",
    tag = "gateway",
    request_body(content = Logs, example = json!({"filter": "info,integridai_gateway::proxy=debug"})),
    responses(
        (status = 200, description = "The filter that holds now", body = Logs),
        (status = 409, description = "Something else than the gateway says what is logged", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "No such filter; all stays as it is", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn set_filter(
    axum::extract::State(admin): State,
    Extension(principal): Extension<Principal>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Logs>, Problem> {
    let Json(body) = body.map_err(|rejection| unreadable(&rejection))?;
    let (filter, wanted) = (of(&admin)?, parse(&body).map_err(|error| invalid(vec![error]))?);
    let before = filter.text();
    let no_filter =
        |_| invalid(vec![wrong("/filter", "expected levels and target=level, separated by commas")]);
    filter.set(wanted).map_err(no_filter)?;
    tracing::warn!(by = principal.subject(), before, filter = wanted, "other events are logged from now on");
    Ok(Json(Logs { filter: wanted.to_owned() }))
}

fn of(admin: &super::Admin) -> Result<&LogFilter, Problem> {
    let other = || Problem::new(StatusCode::CONFLICT, "something else says what is logged");
    admin.log_filter.get().ok_or_else(other)
}

fn parse(body: &Value) -> Result<&str, FieldError> {
    let members = body.as_object().ok_or_else(|| wrong("", "expected an object"))?;
    if members.keys().any(|name| name != "filter") {
        return Err(wrong("", "expected `filter` and nothing else"));
    }
    let text = members.get("filter").and_then(Value::as_str);
    text.ok_or_else(|| wrong("/filter", "expected levels and target=level, separated by commas"))
}
