//! What is wrong with the body of a call.

use axum::extract::rejection::JsonRejection;
use http::StatusCode;

use crate::respond::{FieldError, Problem};

pub(super) fn unreadable(rejection: &JsonRejection) -> Problem {
    let detail = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "the Content-Type must be application/json",
        StatusCode::PAYLOAD_TOO_LARGE => "the request's body is larger than is accepted",
        _ => "the body is not JSON",
    };
    Problem::new(rejection.status(), detail)
}

pub(super) fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = match &errors[..] {
        [only] if only.pointer.is_empty() => only.detail.clone(),
        [only] => format!("{}: {}", only.pointer, only.detail),
        several => format!("the request has {} wrong fields", several.len()),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).errors(errors)
}

pub(super) fn wrong(pointer: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }
}
