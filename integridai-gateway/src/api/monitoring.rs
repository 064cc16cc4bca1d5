//! `GET /metrics`

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use super::State;
use crate::telemetry::METRICS_CONTENT_TYPE;

/// The gateway's own figures for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn prometheus(axum::extract::State(api): State) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], api.prometheus.render())
}
