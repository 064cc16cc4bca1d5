//! `GET /metrics`

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use super::State;
use crate::telemetry::METRICS_CONTENT_TYPE;

/// The gateway's own figures, as on the main listener.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "gateway",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn prometheus(axum::extract::State(admin): State) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], admin.prometheus.render())
}
