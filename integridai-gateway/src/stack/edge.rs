//! Towards clients: the layers around every route, outermost first.

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::response::Response;
use http::header::{
    AGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LINK, LOCATION, PROXY_AUTHORIZATION,
    RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, request};
use integridai_tower::CorrelationId;
use integridai_tower::cache::CACHE_STATUS;
use integridai_tower::correlation::CorrelationLayer;
use integridai_tower::metrics::CountRefusalsLayer;
use integridai_tower::observe::{Observe, ObserveLayer};
use integridai_tower::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use tower::ServiceBuilder;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::timeout::TimeoutLayer;

use super::access::Access;
use super::door::DoorLayer;
use super::hygiene::Hygiene;
use super::limits::Limits;
use super::pace::Pace;
use super::security_headers::SecurityHeaders;
use crate::config::{CorsConfig, ServerConfig};
use crate::telemetry::traces;

pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a page that reads server-sent events by itself goes on with.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const SENSITIVE: [HeaderName; 5] = [AUTHORIZATION, API_KEY, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];

/// Who is let in, and how often.
#[derive(Debug)]
pub struct Guards<'a> {
    /// Who.
    pub access: &'a Access,
    /// How often.
    pub limits: &'a Limits,
}

/// Puts the layers around the routes, those of unknown paths included; `observer` is told of each exchange. Those of `proxied`
/// have bounds of their own, and nobody changes their content.
pub fn edge<O>(
    routes: Router,
    proxied: Router,
    server: &ServerConfig,
    cors_config: &CorsConfig,
    guards: &Guards<'_>,
    observer: O,
) -> Router
where
    O: Observe + Send + Sync + 'static,
    O::Context: Send,
{
    let Guards { access, limits } = guards;
    let routes = limits.inside(bounded(routes, server).merge(proxied));
    // From here on everybody has to show credentials.
    let routes = limits.outside(routes.layer(access.layer()));
    routes.layer(
        ServiceBuilder::new()
            // Which request it is: on the request for all that follow, and on every answer.
            .layer(correlation())
            // Credentials never reach a debug print.
            .layer(SetSensitiveHeadersLayer::new(SENSITIVE))
            .layer(ObserveLayer::new(observer).route_by(matched_path))
            // Only what is meant for this gateway goes in, and errors go out as problem documents.
            .layer(DoorLayer::new(
                Hygiene::new(server),
                Pace::new(server),
                SecurityHeaders::new(&server.security_headers),
            ))
            .layer(CatchPanicLayer::custom(panicked))
            // A browser asks without credentials whether it may come.
            .layer(option_layer(cors(cors_config)))
            .layer(CountRefusalsLayer::new()),
    )
}

/// Within the bounds of time and size.
fn bounded(routes: Router, server: &ServerConfig) -> Router {
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, server.request_timeout_seconds.get());
    routes.layer(
        ServiceBuilder::new()
            .layer(CompressionLayer::new())
            .layer(timeout)
            // One limit, the configured one; axum's own would cut in at 2 MB.
            .layer(DefaultBodyLimit::disable())
            .layer(RequestBodyLimitLayer::new(server.max_body_bytes.get())),
    )
}

/// What the event log's published schema has room for; a longer id would be cut there and not be found again.
const MAX_CORRELATION_ID: usize = 100;

/// A client's valid id or a new one, and the client's trace or a new one. The span is the door's.
pub(super) fn correlation() -> CorrelationLayer {
    let layer = CorrelationLayer::new().max_len(MAX_CORRELATION_ID);
    let layer = layer.expect("it is within the greatest length of an id").trace_context().without_span();
    if traces::is_on() { layer.sample_by(|_| traces::samples()) } else { layer }
}

fn matched_path(request: &request::Parts) -> Option<std::sync::Arc<str>> {
    request.extensions.get::<MatchedPath>().map(|path| path.as_str().into())
}

/// The panic's text goes to the log; the client learns the correlation id.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("no text"), "a handler panicked");
    metrics::counter!("integridai_panics_total").increment(1);
    let mut response = Response::default();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// What pages of allowed origins may say.
const ALLOWED: [HeaderName; 8] = [
    CONTENT_TYPE,
    AUTHORIZATION,
    API_KEY,
    CorrelationId::HEADER,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("prefer"),
];

/// What pages of allowed origins may read of an answer.
const EXPOSED: [HeaderName; 15] = [
    LINK,
    HeaderName::from_static("idempotent-replayed"),
    HeaderName::from_static("preference-applied"),
    AGE,
    CACHE_STATUS,
    CorrelationId::HEADER,
    ETAG,
    LOCATION,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

fn cors(config: &CorsConfig) -> Option<CorsLayer> {
    if config.allowed_origins.is_empty() {
        return None;
    }
    let origin =
        |text: &String| HeaderValue::from_str(text).expect("an origin was checked when it was parsed");
    let layer = CorsLayer::new()
        .allow_origin(config.allowed_origins.iter().map(origin).collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(ALLOWED)
        .expose_headers(EXPOSED)
        .max_age(std::time::Duration::from_secs(600));
    Some(layer)
}
