//! `GET /metrics`

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use super::State;
use crate::telemetry::METRICS_CONTENT_TYPE;

/// As on the main listener.
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn prometheus(axum::extract::State(admin): State) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], admin.prometheus.render())
}
