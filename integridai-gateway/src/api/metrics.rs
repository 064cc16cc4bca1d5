//! `GET /api/v1/metrics/consolidated`

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};

use super::State;
use crate::respond::{Problem, ProblemSchema};
use crate::services::ConsolidatedMetrics;

/// The ecosystem in figures.
///
/// Gathered from the three services at once, at most every 30 s (`metrics.cache_seconds`); `Age` says how old they
/// are, and `Server-Timing` how long each service took to tell them. A service that is down does not fail the call: its last good figures are kept and it is listed in `stale`.
#[utoipa::path(
    get,
    path = "/api/v1/metrics/consolidated",
    tag = "metrics",
    responses(
        (status = 200, description = "The figures", body = ConsolidatedMetrics),
        (status = 503, description = "The gateway goes down", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn consolidated(axum::extract::State(api): State) -> Result<Response, Problem> {
    let snapshot = api
        .consolidated
        .current()
        .await
        .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, format!("private, max-age={}", api.consolidated.max_age().as_secs())),
        (AGE, snapshot.age().as_secs().to_string()),
    ];
    let mut response = (headers, snapshot.body.clone()).into_response();
    if let Some(timing) = &snapshot.timing {
        response.headers_mut().insert("server-timing", timing.clone());
    }
    Ok(response)
}
