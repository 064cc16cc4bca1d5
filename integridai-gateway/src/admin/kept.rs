//! `GET /admin/v1/cache`

use axum::Json;
use serde::Serialize;

use super::State;
use crate::respond::Problem;

/// How much is kept.
#[derive(Debug, Serialize)]
pub(super) struct KeptStatus {
    /// URLs of which an answer is kept.
    urls: usize,
    /// The memory that they take, in bytes, roughly.
    bytes: u64,
    /// The room for them.
    max_bytes: u64,
    /// Answers that were too large for it.
    refused: u64,
}

#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn status(axum::extract::State(admin): State) -> Result<Json<KeptStatus>, Problem> {
    let answers = super::purge::answers(&admin)?;
    let status = answers.status();
    Ok(Json(KeptStatus {
        urls: status.urls,
        bytes: status.bytes,
        max_bytes: answers.max_bytes(),
        refused: status.refused,
    }))
}
