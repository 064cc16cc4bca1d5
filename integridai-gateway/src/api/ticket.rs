//! `POST /api/v1/realtime/ticket`

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use integridai_tower::Principal;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::respond::{Problem, ProblemSchema};

/// What a browser opens a WebSocket with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ticket {
    /// Goes into the URL: `/api/v1/realtime/subscribe?ticket=…`
    #[schema(example = "5f0d8c1e6a9b4d3f8e7c2a1b0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e")]
    ticket: String,
    /// How many seconds it may be used for, once.
    #[schema(example = 30)]
    expires_in: u64,
}

/// A ticket for a WebSocket.
///
/// Browsers cannot put a token on a WebSocket, and a token does not belong into a URL, which is logged on its way. A
/// ticket is good for one subscription, within seconds; the subscription is that of whoever asked for it.
#[utoipa::path(
    post,
    path = "/api/v1/realtime/ticket",
    tag = "realtime",
    responses(
        (status = 200, description = "A ticket", body = Ticket),
        (status = 503, description = "Too many tickets are open", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn ticket(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
) -> Response {
    match api.tickets.issue(principal) {
        Ok(ticket) => {
            let body = Ticket { ticket, expires_in: api.tickets.lifetime().as_secs() };
            ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
        }
        Err(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .retry_after(Some(api.tickets.lifetime()))
            .into_response(),
    }
}
