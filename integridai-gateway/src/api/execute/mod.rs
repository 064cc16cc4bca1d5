//! `POST /api/v1/gateway/execute`

mod head;
mod idempotency_key;
mod later;
mod prefer;

pub(super) use later::{accepted, location};

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use integridai_tower::{CorrelationId, Principal};
use serde::Serialize;
use utoipa::ToSchema;

use self::head::Head;
use super::attended::Attended;
use super::shapes::OrchestrationRequest;
use super::{Api, State};
use crate::orchestration::{Caller, ExecuteRequest, Invalid, WorkflowError, WorkflowResult};
use crate::respond::{Problem, ProblemSchema};
use crate::store::JsonText;

/// An execution that will be done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// Always `queued`.
    #[schema(example = "queued")]
    status: &'static str,
    /// The execution's id.
    workflow_id: String,
    /// Where to ask for it.
    #[schema(example = "/api/v1/gateway/executions/019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    location: String,
}

/// Does a workflow.
///
/// Waits for the end and answers 200, or with `options.async` or `Prefer: respond-async` answers 202 once the execution is
/// safe on the disk. With `Prefer: wait=N` it waits for N seconds at most and answers whichever is true then.
/// With an `Idempotency-Key` the request is done once however often it is sent, also by a client that has lost the answer.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/execute",
    tag = "workflows",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request, as a quoted string of 1 to 255 visible characters; the same key with the same payload is the same execution, for a day by default", example = json!("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, `wait=N` (RFC 7240)", example = json!("respond-async, wait=10")),
    ),
    request_body(content = OrchestrationRequest, content_type = "application/json", examples(
        ("complete_analysis" = (summary = "Analyse a provider", value = json!({
            "workflow": "complete_analysis",
            "payload": {"provider": {"name": "Acme SA", "cuit": "30-12345678-9", "sector": "tecnologia"}, "user_id": "user-7"},
            "options": {"timeout": 30}
        }))),
        ("complete_analysis, flat" = (summary = "The provider's fields as the payload's own", value = json!({
            "workflow": "complete_analysis",
            "payload": {"name": "Acme SA", "cuit": "30-12345678-9", "sector": "tecnologia"}
        }))),
        ("training_sync, later" = (summary = "A session by id, done in the background", value = json!({
            "workflow": "training_sync",
            "payload": {"training_session": {"session_id": "demo-session"}},
            "options": {"async": true, "priority": "high"}
        }))),
        ("metrics_update" = (summary = "Gather the consolidated metrics anew", value = json!({
            "workflow": "metrics_update", "payload": {}
        })))
    )),
    responses(
        (status = 200, description = "Done", body = WorkflowResult,
            headers(
                ("Idempotent-Replayed" = Option<bool>, description = "`true` on an answer to a request that was made before"),
                ("Preference-Applied" = Option<String>, description = "What of `Prefer` counted"))),
        (status = 202, description = "Accepted; it will be done even if the gateway is restarted", body = Accepted,
            headers(
                ("Location" = String, description = "Where to ask for the execution"),
                ("Retry-After" = u64, description = "In how many seconds to ask"),
                ("Idempotent-Replayed" = Option<bool>, description = "`true` on an answer to a request that was made before"),
                ("Preference-Applied" = Option<String>, description = "What of `Prefer` counted"))),
        (status = 409, description = "A request with this `Idempotency-Key` is being served; `Retry-After` tells when to come back. Or the execution was cancelled", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 400, description = "No JSON, or an `Idempotency-Key` that is none", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "the body is not JSON: EOF while parsing a value at line 1 column 12", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "the body is not JSON: EOF while parsing a value at line 1 column 12"})),
        (status = 408, description = "The request was sent too slowly", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Request Timeout", "status": 408, "detail": "the request took longer than is accepted", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "the request took longer than is accepted"})),
        (status = 413, description = "Too large", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Payload Too Large", "status": 413, "detail": "the request's body is larger than is accepted", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "the request's body is larger than is accepted"})),
        (status = 415, description = "Not declared as JSON", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unsupported Media Type", "status": 415, "detail": "the Content-Type must be application/json", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "the Content-Type must be application/json"})),
        (status = 422, description = "Wrong fields, each with a pointer; or an `Idempotency-Key` of another payload", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "/payload/cuit: expected NN-NNNNNNNN-N, dashes optional", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "errors": [{"pointer": "/payload/cuit", "detail": "expected NN-NNNNNNNN-N, dashes optional"}],
                "success": false, "error": "/payload/cuit: expected NN-NNNNNNNN-N, dashes optional", "workflow": "complete_analysis"})),
        (status = 500, description = "A fault of the gateway", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "something went wrong inside; the correlation id helps to find it", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "something went wrong inside; the correlation id helps to find it"})),
        (status = 502, description = "A service answered with an error or something malformed", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": "regtech answered 500 Internal Server Error", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "regtech answered 500 Internal Server Error", "workflow": "complete_analysis", "workflow_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"})),
        (status = 503, description = "A service cannot be reached, or the queue is full", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "regtech cannot be reached", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "regtech cannot be reached", "workflow": "complete_analysis", "workflow_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"})),
        (status = 504, description = "A service did not answer in time", body = ProblemSchema, content_type = "application/problem+json",
            example = json!({"type": "about:blank", "title": "Gateway Timeout", "status": 504, "detail": "regtech did not answer in time", "instance": "/api/v1/gateway/execute",
                "correlation_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e", "success": false, "error": "regtech did not answer in time", "workflow": "complete_analysis", "workflow_id": "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"})),
    )
)]
pub(super) async fn execute(
    axum::extract::State(api): State,
    Extension(correlation_id): Extension<CorrelationId>,
    Extension(principal): Extension<Principal>,
    head: Head,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (user_id, identity) = (api.user_id(&principal), api.identity(&principal));
    let owner = user_id.is_some().then(|| identity.clone());
    let caller = Caller { correlation_id, user_id, owner, principal: identity };
    let (request, body, key) = match parse(&api, &head, body) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.into_response(),
    };
    if request.is_async || head.prefer.outlasts() || key.is_some() {
        return later::accept(&api, &request, body, caller, &head, key).await;
    }
    run(&api, request, body, caller).await
}

fn parse(
    api: &Api,
    head: &Head,
    body: Result<Bytes, BytesRejection>,
) -> Result<(ExecuteRequest, JsonText, Option<String>), Problem> {
    if !head.is_json {
        let detail = "the Content-Type must be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let key = head.key.clone().map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let body = body.map_err(|rejection| unread(&rejection))?;
    let malformed = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let text = std::str::from_utf8(&body).map_err(|_| malformed("the body is not UTF-8".to_owned()))?;
    let (text, value) =
        JsonText::read(text).map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    let request = ExecuteRequest::parse(value, text.as_str(), &api.workflows, head.prefer.outlasts());
    Ok((request.map_err(invalid)?, text, key))
}

pub(super) fn unread(rejection: &BytesRejection) -> Problem {
    let detail = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "the request's body is larger than is accepted",
        _ => "the request's body could not be read",
    };
    Problem::new(rejection.status(), detail)
}

fn invalid(Invalid { workflow, errors }: Invalid) -> Problem {
    Problem::fields(errors).workflow(workflow)
}

async fn run(api: &Api, request: ExecuteRequest, body: JsonText, caller: Caller) -> Response {
    let (workflow, job) = (request.workflow, Arc::clone(&request.job));
    let mut attended = Attended::new(api.store.clone(), request, body, caller);
    let outcome = api.engine.attend(workflow, &*job, &mut attended.run).await;
    let outcome = outcome.and_then(|result| {
        result.to_json().map(|text| (text, result.steps)).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a result could not be written");
            WorkflowError::new(StatusCode::INTERNAL_SERVER_ERROR, "the result could not be written")
        })
    });
    match outcome {
        Ok((result, steps)) => {
            let answer = json(&result);
            attended.end(steps, Ok(result));
            answer
        }
        Err(error) => {
            let steps = attended.run.journal.to_json();
            attended.end(steps, Err(kept(error.status.as_u16(), &error.message)));
            Problem::new(error.status, error.message)
                .workflow(Some(workflow))
                .workflow_id(attended.run.id)
                .retry_after(error.retry_after)
                .into_response()
        }
    }
}

fn kept(status: u16, detail: &str) -> JsonText {
    serde_json::json!({ "status": status, "detail": detail }).into()
}

fn json(text: &JsonText) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.to_bytes()).into_response()
}
