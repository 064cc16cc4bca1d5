//! What is kept of every exchange: an access line, metrics, a row of `api_calls_log`, the sliding window.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{REFERER, USER_AGENT};
use http::{HeaderValue, StatusCode, Version, request};
use integridai_tower::CorrelationId;
use integridai_tower::correlation::{TraceContext, TraceId};
use integridai_tower::observe::{Exchange, Observe, Outcome};
use metrics::{Gauge, Histogram, SharedString};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Traffic;
use crate::server::PeerAddr;
use crate::store::{ApiCall, Store};
use crate::telemetry::Series;
use crate::telemetry::traces::{self, SpanKind, SpanRecord};

/// Keeps exchanges.
#[derive(Debug, Clone)]
pub struct Exchanges {
    traffic: Arc<Traffic>,
    calls: Option<Store>,
    active: Gauge,
    times: Series<Labels, Histogram>,
}

/// Method, route, status.
type Labels = (&'static str, Option<Arc<str>>, u16);

impl Exchanges {
    /// Keeps them in the window, and as rows of `api_calls_log` where there is a store for these.
    #[must_use]
    pub fn new(traffic: Arc<Traffic>, calls: Option<Store>) -> Self {
        let active = metrics::gauge!("http_server_active_requests");
        Self { traffic, calls, active, times: Series::default() }
    }
}

/// Under which ids an exchange is found again, and who asked.
#[derive(Debug)]
pub struct Ids {
    correlation_id: Option<CorrelationId>,
    trace_id: Option<TraceId>,
    /// Where a span is to be made.
    traced: Option<TraceContext>,
    client: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
}

/// A client that left before there was an answer has none; this status is nginx's for it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Paths below this are the API; only they count as the gateway's traffic.
const API: &str = "/api/v1/";

/// A label for paths that no route has: their number has no bound.
const UNMATCHED: &str = "unmatched";

impl Observe for Exchanges {
    type Context = Ids;

    fn begin(&self, request: &request::Parts) -> Self::Context {
        self.active.increment(1);
        let trace = request.extensions.get::<TraceContext>();
        Ids {
            correlation_id: request.extensions.get::<CorrelationId>().cloned(),
            trace_id: trace.map(TraceContext::trace_id),
            traced: trace.filter(|trace| traces::is_traced(trace)).cloned(),
            client: request.extensions.get::<PeerAddr>().map(|peer| peer.0.ip()),
            user_agent: request.headers.get(USER_AGENT).cloned(),
            referer: request.headers.get(REFERER).cloned(),
        }
    }

    fn end(&self, ids: Ids, exchange: &Exchange) {
        self.active.decrement(1);
        let status = status(exchange);
        log(&ids, exchange, status);
        if let Some(trace) = &ids.traced {
            span(trace, &ids, exchange, status).send();
        }
        let labels = (method(exchange), exchange.route.clone(), status);
        self.times.of(labels, time).record(exchange.duration.as_secs_f64());
        let is_upgrade = status == StatusCode::SWITCHING_PROTOCOLS.as_u16();
        if exchange.uri.path().starts_with(API) && !is_upgrade {
            self.traffic.record(exchange.duration, status >= 500);
        }
        if let Some(calls) = &self.calls {
            calls.record_api_call(row(exchange, status));
        }
    }
}

fn status(exchange: &Exchange) -> u16 {
    match (exchange.status, exchange.outcome) {
        (Some(status), _) => status.as_u16(),
        (None, Outcome::ClientLeft) => CLIENT_CLOSED_REQUEST,
        (None, _) => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
    }
}

fn log(ids: &Ids, exchange: &Exchange, status: u16) {
    tracing::info!(
        target: "integridai_gateway::access",
        correlation_id = ids.correlation_id.as_ref().map_or("", CorrelationId::as_str),
        trace_id = ids.trace_id.map(tracing::field::display),
        method = exchange.method.as_str(),
        path = exchange.uri.path(),
        version = ?exchange.version,
        client = ids.client.map(tracing::field::display),
        user_agent = ids.user_agent.as_ref().and_then(|agent| agent.to_str().ok()),
        referer = ids.referer.as_ref().and_then(without_query),
        status,
        duration_ms = milliseconds(exchange),
        request_bytes = exchange.request_bytes,
        response_bytes = exchange.response_bytes,
        outcome = exchange.outcome.as_str(),
        "answered"
    );
}

/// As the semantic conventions have it for servers.
fn span(trace: &TraceContext, ids: &Ids, exchange: &Exchange, status: u16) -> SpanRecord {
    let method = method(exchange);
    let name = exchange.route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let mut span = SpanRecord::new(trace.clone(), name, SpanKind::Server);
    span.started_at = exchange.started_at;
    span.ended_at = exchange.started_at + exchange.duration;
    span.set("http.request.method", method);
    span.set("http.response.status_code", status);
    span.set("url.scheme", "http");
    span.set("url.path", exchange.uri.path().to_owned());
    span.set("network.protocol.version", protocol_version(exchange.version));
    if let Some(route) = &exchange.route {
        span.set("http.route", route.to_string());
    }
    if let Some(client) = ids.client {
        span.set("client.address", client.to_string());
    }
    if let Some(agent) = ids.user_agent.as_ref().and_then(|agent| agent.to_str().ok()) {
        span.set("user_agent.original", agent.to_owned());
    }
    if let Some(id) = &ids.correlation_id {
        span.set("integridai.correlation_id", id.as_str().to_owned());
    }
    if status >= 500 {
        span.set("error.type", status.to_string());
        span.error = Some(exchange.outcome.as_str().to_owned());
    }
    span
}

fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The page that asked; its query may hold what does not belong into a log.
fn without_query(referer: &HeaderValue) -> Option<&str> {
    referer.to_str().ok()?.split(['?', '#']).next()
}

/// Names and labels follow OpenTelemetry's HTTP semantic conventions.
fn time((method, route, status): Labels) -> Histogram {
    let route = route.map_or(SharedString::const_str(UNMATCHED), SharedString::from);
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => status.to_string(),
    )
}

/// The methods that the conventions know; others would make the label set grow without bound.
fn method(exchange: &Exchange) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    known.into_iter().find(|name| *name == exchange.method.as_str()).unwrap_or("_OTHER")
}

fn milliseconds(exchange: &Exchange) -> f64 {
    (exchange.duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn row(exchange: &Exchange, status: u16) -> ApiCall {
    ApiCall {
        id: Uuid::now_v7(),
        endpoint: exchange.uri.path().to_owned(),
        method: exchange.method.as_str().to_owned(),
        status_code: status,
        response_time_ms: u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX),
        request_size: Some(exchange.request_bytes),
        response_size: Some(exchange.response_bytes),
        timestamp: OffsetDateTime::from(exchange.started_at),
    }
}
