//! A refusal becomes a response: a problem document, or what you make of it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, request};
use serde::Serialize;

use crate::{CorrelationId, Refused};

/// Why a layer did not let a request through.
///
/// The layer leaves the refusal itself, and a [`Refused`], in the extensions of the response it makes of it.
pub trait Refusal: Clone + Send + Sync + 'static {
    /// The layer that refuses, as its module is called: `auth`.
    const LAYER: &'static str;

    /// One word of a small fixed set, for metrics and logs: `expired`. It is not sent to the client.
    fn reason(&self) -> &'static str;

    /// The status of the response.
    fn status(&self) -> StatusCode;

    /// One sentence for the client that tells an attacker nothing.
    fn detail(&self) -> Cow<'static, str>;

    /// Puts the fields that the status calls for: `WWW-Authenticate`, `Retry-After`.
    fn add_headers(&self, headers: &mut HeaderMap) {
        let _ = headers;
    }
}

/// Makes the response of a refusal. Closures of `Fn(&R, &request::Parts) -> Response<Bytes>` implement it.
///
/// Status, fields and body are yours; the extensions are added to what you return.
pub trait Reject<R>: Send + Sync {
    /// The response to this request.
    fn reject(&self, refusal: &R, request: &request::Parts) -> Response<Bytes>;
}

impl<R, F> Reject<R> for F
where
    F: Fn(&R, &request::Parts) -> Response<Bytes> + Send + Sync,
{
    fn reject(&self, refusal: &R, request: &request::Parts) -> Response<Bytes> {
        self(refusal, request)
    }
}

/// The default: an `application/problem+json` document (RFC 9457) with `type`, `title`, `status`, `detail`, `instance`
/// (the request's path) and, where the request has one, its `correlation_id`; not to be stored by caches.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemJson;

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

impl<R: Refusal> Reject<R> for ProblemJson {
    fn reject(&self, refusal: &R, request: &request::Parts) -> Response<Bytes> {
        let status = refusal.status();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            detail: &refusal.detail(),
            instance: request.uri.path(),
            correlation_id: request.extensions.get::<CorrelationId>().map(CorrelationId::as_str),
        };
        // Nothing in it can fail to be written; a body is not worth a panic.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        refusal.add_headers(headers);
        response
    }
}

/// The whole answer: what `by` makes of the refusal, with the refusal and [`Refused`] in its extensions.
pub(crate) fn refuse<R: Refusal>(
    by: &Arc<dyn Reject<R>>,
    refusal: R,
    request: &request::Parts,
) -> Response<Bytes> {
    let mut response = by.reject(&refusal, request);
    let refused = Refused { layer: R::LAYER, reason: refusal.reason() };
    response.extensions_mut().insert(refused);
    response.extensions_mut().insert(refusal);
    response
}
