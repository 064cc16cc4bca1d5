//! `GET /api/v1/metrics/consolidated`

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG};

use super::State;
use crate::respond::{Problem, ProblemSchema};
use crate::services::ConsolidatedMetrics;

/// Its path.
pub const CONSOLIDATED: &str = "/api/v1/metrics/consolidated";

/// What kept answers are purged by: the figures, and each service that they are from.
pub const CONSOLIDATED_TAGS: &str = "metrics flaisimulator regtech dashboard";

/// The ecosystem in figures.
///
/// Kept for all who may see them, and given for another 30 s while new ones are gathered; `Cache-Status` (RFC 9211) tells how
/// long they stay fresh.
///
/// Gathered from the three services at once, at most every 30 s (`metrics.cache_seconds`); `Age` says how old they
/// are, and `Server-Timing` how long each service took to tell them. A service that is down does not fail the call: its last good figures are kept and it is listed in `stale`.
#[utoipa::path(
    get,
    path = "/api/v1/metrics/consolidated",
    tag = "metrics",
    responses(
        (status = 200, description = "The figures", body = ConsolidatedMetrics, headers(
            ("Age" = u64, description = "How old they are, in seconds"),
            ("Cache-Status" = String, description = "What the gateway's cache did (RFC 9211)"),
            ("ETag" = String, description = "Names this round of figures"))),
        (status = 206, description = "The part that was asked for with `Range`", body = String, content_type = "application/json"),
        (status = 304, description = "The figures are those that `If-None-Match` names"),
        (status = 416, description = "There is no such part", body = ProblemSchema, content_type = "application/problem+json"),
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
        // Weak, for the figures may be compressed on the way. A round has a moment of its own.
        (ETAG, format!("W/\"{}\"", snapshot.metrics.timestamp)),
    ];
    let mut response = (headers, snapshot.body.clone()).into_response();
    if let Some(timing) = &snapshot.timing {
        response.headers_mut().insert("server-timing", timing.clone());
    }
    Ok(response)
}
