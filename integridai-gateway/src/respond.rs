//! The one place where an error becomes a response: RFC 9457 `application/problem+json`.
//!
//! A handler returns a [`Problem`]; [`complete`], around all routes, writes its body. It also takes over errors
//! that no handler made (404, 405, a refusal of a layer, a panic), so that a client sees one shape only.

mod grpc;

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, StatusCode};
use integridai_tower::CorrelationId;
use integridai_tower::correlation::TraceId;
use serde::Serialize;
use utoipa::ToSchema;

pub use grpc::is_grpc;

/// The media type of a problem document.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Where executions are asked for; their problems carry the published failure members too.
pub const EXECUTE_PATH: &str = "/api/v1/gateway/execute";

/// An error for a client.
#[derive(Debug, Clone)]
#[must_use]
pub struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    workflow: Option<&'static str>,
    workflow_id: Option<String>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the request.
    #[schema(example = "/payload/cuit")]
    pub pointer: String,
    /// What was expected.
    #[schema(example = "expected NN-NNNNNNNN-N, dashes optional")]
    pub detail: String,
}

/// The body of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// Always `about:blank`: the status says what kind of problem it is (RFC 9457 §4.2.1).
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'a str,
    /// The status.
    #[schema(example = 422)]
    status: u16,
    /// What went wrong this time.
    #[schema(example = "the request has 1 wrong field")]
    detail: &'a str,
    /// The path that was asked for.
    #[schema(example = "/api/v1/gateway/execute")]
    instance: &'a str,
    /// The id under which logs and events of this request are found.
    #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    correlation_id: Option<&'a str>,
    /// The trace that the request belongs to (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// Every wrong field, with a JSON pointer into the request.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    /// On `execute`: always false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = false)]
    success: Option<bool>,
    /// On `execute`: the same as `detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "regtech cannot be reached")]
    error: Option<&'a str>,
    /// On `execute`: the workflow; `null` if the request named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "complete_analysis")]
    workflow: Option<Option<&'static str>>,
    /// On `execute`: the execution's id; `null` if it did not come that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    workflow_id: Option<Option<&'a str>>,
}

/// The problem document as the API document refers to it.
pub type ProblemSchema = ProblemDocument<'static>;

impl Problem {
    /// A problem with this status; `detail` is for a client to read.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            workflow: None,
            workflow_id: None,
        }
    }

    /// The fields that are wrong.
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// A request with these wrong fields.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match &errors[..] {
            [only] => format!("{}: {}", only.pointer, only.detail),
            several => format!("the request has {} wrong fields", several.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What a client reads.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When to try again, if that is known.
    pub fn retry_after(mut self, time: Option<Duration>) -> Self {
        self.retry_after = time;
        self
    }

    /// The workflow that was asked for.
    pub fn workflow(mut self, name: Option<&'static str>) -> Self {
        self.workflow = name;
        self
    }

    /// The execution that failed.
    pub fn workflow_id(mut self, id: uuid::Uuid) -> Self {
        self.workflow_id = Some(id.to_string());
        self
    }

    fn document<'a>(&'a self, asked: &Asked<'a>) -> ProblemDocument<'a> {
        let instance = asked.path;
        let on_execute = instance == EXECUTE_PATH;
        ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            correlation_id: asked.correlation_id.map(CorrelationId::as_str),
            trace_id: asked.trace_id.map(|id| id.to_string()),
            errors: &self.errors,
            success: on_execute.then_some(false),
            error: on_execute.then_some(&self.detail),
            workflow: on_execute.then_some(self.workflow),
            workflow_id: on_execute.then_some(self.workflow_id.as_deref()),
        }
    }
}

/// In the extensions of an answer that a service gave, errors included: it is none of the gateway's.
#[derive(Debug, Clone, Copy)]
pub struct PassedOn;

/// Whatever a service asks for, in seconds.
const MAX_RETRY_AFTER: u64 = 3_600;

impl IntoResponse for Problem {
    /// Only the head; [`complete`] knows the request and writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs().clamp(1, MAX_RETRY_AFTER);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110 §15.5.22, RFC 6455 §4.4; there is no other protocol here.
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Who asked, as far as the body of an error has to do with it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// For what.
    pub path: &'a str,
    /// Under which id.
    pub correlation_id: Option<&'a CorrelationId>,
    /// In which trace.
    pub trace_id: Option<TraceId>,
    /// Whether it was a call of gRPC, whose errors are a status in a field.
    pub is_grpc: bool,
}

/// Writes the body of an error; leaves every other answer as it is.
pub fn complete(mut response: Response, asked: &Asked<'_>) -> Response {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let is_problem = response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON);
    let is_passed_on = response.extensions().get::<PassedOn>().is_some();
    if !is_error || is_problem || is_passed_on {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>();
    let problem =
        problem.unwrap_or_else(|| Problem::new(response.status(), default_detail(response.status())));
    if asked.is_grpc {
        return grpc::trailers_only(response, &problem.detail);
    }
    let document = problem.document(asked);
    let body = serde_json::to_vec(&document).expect("texts and numbers always serialise");
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().remove(CONTENT_ENCODING);
    *response.body_mut() = Body::from(body);
    response
}

/// For errors that come without words of ours.
fn default_detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this path; see /docs",
        StatusCode::METHOD_NOT_ALLOWED => "this path does not take this method; see the Allow header",
        StatusCode::PAYLOAD_TOO_LARGE => "the request's body is larger than is accepted",
        StatusCode::REQUEST_TIMEOUT => "the request took longer than is accepted",
        StatusCode::INTERNAL_SERVER_ERROR => {
            "something went wrong inside; the correlation id helps to find it"
        }
        _ => "the request could not be served",
    }
}
