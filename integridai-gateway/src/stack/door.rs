//! The gateway's own part of the edge, in one step and one future: the span, the host, and errors as problem documents.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode, request};
use integridai_tower::cache::CacheOutcome;
use integridai_tower::correlation::TraceContext;
use integridai_tower::{CorrelationId, Refused};
use tower::{BoxError, Layer, Service};
use tracing::{Instrument, Span};

use super::hygiene::{Hygiene, ends_connection};
use super::pace::{Pace, Slowness};
use super::security_headers::SecurityHeaders;
use crate::respond::{self, Asked, Problem};
use crate::server::Secured;
use crate::telemetry::traces::{self, SpanKind, SpanRecord};

/// Puts the door before the routes.
#[derive(Debug, Clone)]
pub(super) struct DoorLayer {
    hygiene: Arc<Hygiene>,
    pace: Pace,
    security: Arc<SecurityHeaders>,
}

impl DoorLayer {
    pub(super) fn new(hygiene: Hygiene, pace: Pace, security: SecurityHeaders) -> Self {
        Self { hygiene: Arc::new(hygiene), pace, security: Arc::new(security) }
    }
}

impl<S> Layer<S> for DoorLayer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        let (hygiene, security) = (Arc::clone(&self.hygiene), Arc::clone(&self.security));
        Door { inner, hygiene, pace: self.pace, security }
    }
}

/// Lets in what is meant for this gateway, and sees to it that what goes out as an error is a problem document, and that
/// browsers are told how careful to be.
#[derive(Debug, Clone)]
pub(super) struct Door<S> {
    inner: S,
    hygiene: Arc<Hygiene>,
    pace: Pace,
    security: Arc<SecurityHeaders>,
}

impl<S, A, B> Service<Request<A>> for Door<S>
where
    S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    A: http_body::Body<Data = Bytes> + Send + 'static,
    A::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let correlation_id = parts.extensions.get::<CorrelationId>().cloned();
        let trace = parts.extensions.get::<TraceContext>().cloned();
        let is_grpc = respond::is_grpc(&parts.headers);
        let (uri, span) = (parts.uri.clone(), span(&parts, correlation_id.as_ref()));
        let (security, is_secured) =
            (Arc::clone(&self.security), parts.extensions.get::<Secured>().is_some());
        let (admitted, ends) = (self.hygiene.admit(&mut parts), ends_connection(parts.version));
        let answer = admitted.map(|()| {
            let (body, slowness) = self.pace.apply(&parts, body);
            (span.in_scope(|| self.inner.call(Request::from_parts(parts, body))), slowness)
        });
        let complete = async move {
            let response = match answer {
                Ok((answer, slowness)) => in_time(answer.await?.map(Body::new), slowness, ends),
                Err(refusal) => refused(refusal, ends),
            };
            tell_decisions(trace.as_ref(), &response);
            let trace_id = trace.as_ref().map(TraceContext::trace_id);
            let asked =
                Asked { path: uri.path(), correlation_id: correlation_id.as_ref(), trace_id, is_grpc };
            let mut response = respond::complete(response, &asked);
            security.add(response.headers_mut(), is_secured);
            Ok(response)
        };
        Box::pin(complete.instrument(span))
    }
}

/// In every log line of the request; the access line is the observer's.
fn span(request: &request::Parts, correlation_id: Option<&CorrelationId>) -> Span {
    let id = correlation_id.map_or("", CorrelationId::as_str);
    let trace_id = request.extensions.get::<TraceContext>().map(TraceContext::trace_id);
    tracing::info_span!(
        "request",
        correlation_id = id,
        trace_id = trace_id.map(tracing::field::display),
        method = %request.method,
        path = request.uri.path(),
    )
}

/// What layers decided, as spans without a length: they are told by what they left with the answer.
fn tell_decisions(trace: Option<&TraceContext>, response: &Response) {
    let Some(trace) = trace.filter(|trace| traces::is_traced(trace)) else { return };
    let below = |name| SpanRecord::new(trace.child(), name, SpanKind::Internal);
    if let Some(Refused { layer, reason }) = response.extensions().get::<Refused>() {
        let mut span = below("refuse");
        span.set("integridai.layer", *layer);
        span.set("integridai.reason", *reason);
        span.send();
    }
    if let Some(outcome) = response.extensions().get::<CacheOutcome>() {
        let mut span = below("cache");
        span.set("integridai.cache_outcome", outcome.as_str());
        span.send();
    }
}

/// Whatever was made of content that did not come, it did not come in time.
fn in_time(response: Response, slowness: Option<Slowness>, ends_connection: bool) -> Response {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || !slowness.is_some_and(|slowness| slowness.was_seen()) {
        return response;
    }
    let detail = "the request's body comes more slowly than is accepted";
    refused(Problem::new(StatusCode::REQUEST_TIMEOUT, detail), ends_connection)
}

fn refused(refusal: Problem, ends_connection: bool) -> Response {
    let mut response = refusal.into_response();
    if ends_connection {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
