//! Towards clients: the layers around every route, outermost first.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, StatusCode, request};
use integridai_tower::CorrelationId;
use integridai_tower::observe::{CountedBody, Observe, ObserveLayer};
use tower::ServiceBuilder;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::PropagateRequestIdLayer;
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::host::Hosts;
use crate::config::{CorsConfig, ServerConfig};
use crate::respond::{self, Problem};

const SENSITIVE: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];

/// Puts the layers around the routes, those of unknown paths included; `observer` is told of each exchange.
pub fn edge<O>(routes: Router, server: &ServerConfig, cors_config: &CorsConfig, observer: O) -> Router
where
    O: Observe + Send + Sync + 'static,
    O::Context: Send,
{
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, server.request_timeout_seconds.get());
    routes.layer(
        ServiceBuilder::new()
            // Which request it is: on the request for all that follow, and on every answer.
            .map_request(correlate)
            .layer(PropagateRequestIdLayer::new(CorrelationId::HEADER))
            // Credentials never reach a debug print.
            .layer(SetSensitiveHeadersLayer::new(SENSITIVE))
            // The correlation id in every log line of the request; the access line is the observer's.
            .layer(
                TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(()).on_failure(()),
            )
            .layer(ObserveLayer::new(observer).route_by(matched_path))
            .map_request(|request: http::Request<CountedBody<Body>>| request.map(Body::new))
            // What comes from below as an error leaves as a problem document.
            .layer(middleware::from_fn(respond::problems))
            // Only what is meant for this gateway goes on.
            .layer(middleware::from_fn_with_state(Hosts::new(server), meant_for_us))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(option_layer(cors(cors_config)))
            .layer(CompressionLayer::new())
            .layer(timeout)
            // One limit, the configured one; axum's own would cut in at 2 MB.
            .layer(DefaultBodyLimit::disable())
            .layer(RequestBodyLimitLayer::new(server.max_body_bytes.get())),
    )
}

/// What the event log's published schema has room for; a longer id would be cut there and not be found again.
const MAX_CORRELATION_ID: usize = 100;

/// Keeps a client's valid id, or gives the request a new one.
fn correlate<B>(mut request: http::Request<B>) -> http::Request<B> {
    let given = CorrelationId::from_headers(request.headers());
    let id =
        given.filter(|id| id.as_str().len() <= MAX_CORRELATION_ID).unwrap_or_else(CorrelationId::generate);
    request.headers_mut().insert(CorrelationId::HEADER, id.to_header_value());
    request.extensions_mut().insert(id);
    request
}

async fn meant_for_us(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match hosts.check(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(StatusCode::MISDIRECTED_REQUEST) => {
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "this gateway does not answer to that host")
                .into_response()
        }
        Err(status) => Problem::new(status, "expected one Host").into_response(),
    }
}

fn span<B>(request: &http::Request<B>) -> Span {
    let id = request.extensions().get::<CorrelationId>().map_or("", CorrelationId::as_str);
    tracing::info_span!("request", correlation_id = id, method = %request.method(), path = request.uri().path())
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

fn cors(config: &CorsConfig) -> Option<CorsLayer> {
    if config.allowed_origins.is_empty() {
        return None;
    }
    let origin =
        |text: &String| HeaderValue::from_str(text).expect("an origin was checked when it was parsed");
    let layer = CorsLayer::new()
        .allow_origin(config.allowed_origins.iter().map(origin).collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([http::header::CONTENT_TYPE, AUTHORIZATION, CorrelationId::HEADER])
        .expose_headers([CorrelationId::HEADER, http::header::LOCATION, http::header::RETRY_AFTER])
        .max_age(std::time::Duration::from_secs(600));
    Some(layer)
}
