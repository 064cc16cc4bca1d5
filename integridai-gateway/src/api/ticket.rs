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
use crate::services::NoTicket;

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
/// ticket is good for one subscription, within seconds, at every gateway on the same database; the subscription is that of
/// whoever asked for it.
#[utoipa::path(
    post,
    path = "/api/v1/realtime/ticket",
    tag = "realtime",
    responses(
        (status = 200, description = "A ticket", body = Ticket),
        (status = 429, description = "As many tickets of one's own are open as connections may be, or more requests than a rate limit allows", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "Tickets cannot be kept at the moment", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ticket(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
) -> Response {
    match api.tickets.issue(&principal, api.identity(&principal)).await {
        Ok(ticket) => {
            let body = Ticket { ticket, expires_in: api.tickets.lifetime().as_secs() };
            ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
        }
        Err(error) => refused(&error).retry_after(Some(api.tickets.lifetime())).into_response(),
    }
}

fn refused(error: &NoTicket) -> Problem {
    let status = match error {
        NoTicket::TooMany => StatusCode::TOO_MANY_REQUESTS,
        error => {
            tracing::warn!(error = error as &dyn std::error::Error, "a ticket was not kept");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Problem::new(status, error.to_string())
}
