//! What goes through the queue: answered before it is done, or after a wait that does not end it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::Api;
use super::Accepted;
use super::head::Head;
use super::idempotency_key::{REPLAYED, fingerprint};
use super::prefer::PREFERENCE_APPLIED;
use crate::orchestration::{Caller, ExecuteRequest, Handed, NotAccepted};
use crate::respond::Problem;
use crate::store::{Execution, ExecutionState, JsonText, KeyAnswer, NewKey};

/// Hands it in, and answers as the head asks.
pub(super) async fn accept(
    api: &Api,
    request: &ExecuteRequest,
    body: JsonText,
    caller: Caller,
    head: &Head,
    key: Option<String>,
) -> Response {
    let patience = match head.prefer.patience(api.workflows.config().max_timeout_seconds.get()) {
        Some(patience) => patience,
        None if request.is_async || head.prefer.respond_async => Duration::ZERO,
        // Until the end: beyond its deadline there is none.
        None => request.timeout + MARGIN,
    };
    let answer = match request.is_async || head.prefer.outlasts() {
        true => KeyAnswer::Accepted,
        false => KeyAnswer::Result,
    };
    let key = key.map(|key| NewKey {
        key,
        fingerprint: fingerprint(body.as_bytes()),
        answer,
        expires_at: OffsetDateTime::now_utc() + api.key_lifetime,
    });
    let handed = api.queue.accept(Uuid::now_v7(), request, body, caller, key).await;
    let mut response = match handed {
        Ok(Handed::Accepted(id)) => wait(api, request, id, patience).await,
        Ok(Handed::Repeated(execution, answer)) => repeat(api, request, &execution, answer, patience).await,
        Err(error) => refuse(request, &error),
    };
    let status = response.status();
    if let Some(applied) = head.prefer.applied(status == StatusCode::ACCEPTED).filter(|_| status.is_success())
    {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

/// Between the end of an execution and the moment at which its end is known.
const MARGIN: Duration = Duration::from_secs(1);

/// The end, if it comes in time; else where to ask for it.
async fn wait(api: &Api, request: &ExecuteRequest, id: Uuid, patience: Duration) -> Response {
    if patience.is_zero() {
        return accepted(id);
    }
    match api.queue.wait(id, patience).await {
        Ok(Some(execution)) if execution.state.is_finished() => ended(request, &execution),
        // It is accepted, whatever hinders the look.
        _ => accepted(id),
    }
}

/// The same answer once more: of one that is waited for there is none before its end.
async fn repeat(
    api: &Api,
    request: &ExecuteRequest,
    execution: &Execution,
    answer: KeyAnswer,
    patience: Duration,
) -> Response {
    let mut response = match answer {
        KeyAnswer::Accepted => wait(api, request, execution.id, patience).await,
        KeyAnswer::Result if execution.state.is_finished() => ended(request, execution),
        KeyAnswer::Result => {
            let detail = "a request with this Idempotency-Key is being served";
            return Problem::new(StatusCode::CONFLICT, detail)
                .workflow(Some(request.workflow))
                .workflow_id(execution.id)
                .retry_after(Some(Duration::from_secs(1)))
                .into_response();
        }
    };
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

pub(in crate::api) fn accepted(id: Uuid) -> Response {
    let location = location(id);
    let accepted =
        Accepted { success: true, status: "queued", workflow_id: id.to_string(), location: location.clone() };
    let head = [(LOCATION, location), (RETRY_AFTER, "1".to_owned())];
    (StatusCode::ACCEPTED, head, axum::Json(accepted)).into_response()
}

/// Where to ask for an execution.
pub(in crate::api) fn location(id: Uuid) -> String {
    format!("/api/v1/gateway/executions/{id}")
}

/// What whoever had waited without a queue would have been answered.
fn ended(request: &ExecuteRequest, execution: &Execution) -> Response {
    if let (ExecutionState::Succeeded, Some(result)) = (execution.state, &execution.result) {
        return ([(CONTENT_TYPE, "application/json")], result.to_bytes()).into_response();
    }
    let (status, detail) = failure(execution);
    Problem::new(status, detail).workflow(Some(request.workflow)).workflow_id(execution.id).into_response()
}

fn failure(execution: &Execution) -> (StatusCode, String) {
    if execution.state == ExecutionState::Cancelled {
        return (StatusCode::CONFLICT, "the execution was cancelled".to_owned());
    }
    let error: Option<serde_json::Value> = execution.error.as_ref().and_then(|error| error.decode().ok());
    let error = error.unwrap_or_default();
    let status =
        error["status"].as_u64().and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let detail = error["detail"].as_str().unwrap_or("the execution failed").to_owned();
    (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), detail)
}

fn refuse(request: &ExecuteRequest, error: &NotAccepted) -> Response {
    tracing::warn!(error = error as &dyn std::error::Error, "an execution was not accepted");
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    let (status, detail, seconds) = match error {
        NotAccepted::KeyReused => {
            let detail = "this Idempotency-Key was used for another payload";
            (StatusCode::UNPROCESSABLE_ENTITY, detail, None)
        }
        NotAccepted::CallerFull => {
            (StatusCode::TOO_MANY_REQUESTS, "as many executions of yours wait as may", Some(5))
        }
        NotAccepted::Full => (busy, "the queue is full", Some(5)),
        NotAccepted::KeysFull => {
            (StatusCode::TOO_MANY_REQUESTS, "as many idempotency keys of yours are kept as may", Some(60))
        }
        NotAccepted::Store(error) if error.is_refusal() => {
            // Such as a number of JSON that has no place in the database.
            (StatusCode::UNPROCESSABLE_ENTITY, "the payload cannot be stored", None)
        }
        NotAccepted::Store(_) => (busy, "the execution cannot be stored at the moment", Some(10)),
    };
    Problem::new(status, detail)
        .workflow(Some(request.workflow))
        .retry_after(seconds.map(Duration::from_secs))
        .into_response()
}
