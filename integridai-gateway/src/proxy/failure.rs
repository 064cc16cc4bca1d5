//! A call that failed, as a client is told of it.

use std::error::Error;

use http::StatusCode;
use http_body_util::LengthLimitError;
use integridai_tower::Refused;
use integridai_tower::client::deadline::{DeadlinePassed, TooLate};
use integridai_tower::client::transport::TransportError;

use crate::respond::Problem;
use crate::stack::{ClientBodyError, LeftAlone};

/// The content of a request is larger than the route takes.
pub(super) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is larger than is accepted")
}

/// Whether the client stopped in the middle of its content.
pub(super) fn is_stalled(error: &(dyn Error + 'static)) -> bool {
    let is_stall =
        |cause: &(dyn Error + 'static)| matches!(cause.downcast_ref(), Some(ClientBodyError::Stalled));
    causes(error).any(is_stall)
}

/// What a client is told, which is nothing of the inside.
pub(super) fn problem(service: &str, error: &(dyn Error + 'static)) -> Problem {
    if causes(error).any(<dyn Error>::is::<LengthLimitError>) {
        return too_large();
    }
    let told = causes(error).find_map(|cause| told(service, cause));
    told.unwrap_or_else(|| {
        Problem::new(StatusCode::BAD_GATEWAY, format!("{service} gave no answer that can be passed on"))
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16)
}

fn told(service: &str, cause: &(dyn Error + 'static)) -> Option<Problem> {
    if let Some(error) = cause.downcast_ref::<ClientBodyError>() {
        return Some(match error {
            ClientBodyError::TooSlow => {
                Problem::new(StatusCode::REQUEST_TIMEOUT, "the request's body took longer than is accepted")
            }
            ClientBodyError::Stalled => {
                Problem::new(StatusCode::REQUEST_TIMEOUT, "the request's body stopped coming")
            }
            ClientBodyError::Unreadable(_) => {
                Problem::new(StatusCode::BAD_REQUEST, "the request's body cannot be read")
            }
        });
    }
    if let Some(left_alone) = cause.downcast_ref::<LeftAlone>() {
        let detail = format!("{service} is left alone for a while after it failed");
        return Some(unavailable(detail).retry_after(Some(left_alone.retry_after)));
    }
    if cause.is::<DeadlinePassed>() || cause.is::<TooLate>() {
        let detail = format!("{service} did not answer in time");
        return Some(Problem::new(StatusCode::GATEWAY_TIMEOUT, detail));
    }
    if cause.is::<Refused>() {
        return Some(unavailable(format!("{service} has too much to do at the moment")));
    }
    match cause.downcast_ref()? {
        TransportError::Connect(_) => Some(unavailable(format!("{service} cannot be reached"))),
        _ => None,
    }
}

fn unavailable(detail: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}
