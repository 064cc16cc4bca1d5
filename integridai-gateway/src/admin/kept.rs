//! `GET /admin/v1/cache`

use axum::Json;
use integridai_tower::cache::redis::RedisStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::respond::{Problem, ProblemSchema};

/// How much is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeptStatus {
    /// URLs of which an answer is kept.
    urls: usize,
    /// The memory that they take, in bytes, roughly.
    bytes: u64,
    /// The room for them.
    max_bytes: u64,
    /// Answers that were too large for it.
    refused: u64,
    /// The Redis that keeps them for all gateways, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<SharedStatus>,
}

/// How it stands with Redis.
#[derive(Debug, Serialize, ToSchema)]
struct SharedStatus {
    /// Whether it hears of what other gateways purge, and shares answers with them.
    in_step: bool,
    /// Look-ups there that found something, and that did not.
    hits: u64,
    misses: u64,
    /// Requests that went on without a look-up there.
    without_redis: u64,
    /// Answers that were written there, and that could not be.
    written: u64,
    not_written: u64,
    /// Purges that the others have not heard of yet.
    untold: usize,
}

impl From<RedisStatus> for SharedStatus {
    fn from(status: RedisStatus) -> Self {
        Self {
            in_step: status.is_in_step,
            hits: status.hits,
            misses: status.misses,
            without_redis: status.without_redis,
            written: status.written,
            not_written: status.not_written,
            untold: status.untold,
        }
    }
}

/// Tells how much is kept.
#[utoipa::path(
    get,
    path = "/admin/v1/cache",
    tag = "cache",
    responses(
        (status = 200, description = "How much it is", body = KeptStatus),
        (status = 409, description = "Nothing is kept", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn status(axum::extract::State(admin): State) -> Result<Json<KeptStatus>, Problem> {
    let answers = super::purge::answers(&admin)?;
    let status = answers.status();
    Ok(Json(KeptStatus {
        urls: status.urls,
        bytes: status.bytes,
        max_bytes: answers.max_bytes(),
        refused: status.refused,
        redis: answers.shared().map(SharedStatus::from),
    }))
}
