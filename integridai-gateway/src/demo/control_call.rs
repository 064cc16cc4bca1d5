//! `/_control` over HTTP. Never delayed, never failed, never counted. Pages of other sites are refused.
use http::{Method, StatusCode, request};
use serde::Serialize;

use super::answer::Answer;
use super::control::Control;
use super::control_request::{ControlError, ControlRequest};
use super::origin::is_foreign;

pub(super) const PREFIX: &str = "/_control";

#[derive(Serialize)]
struct Refusal {
    success: bool,
    error: String,
}

pub(super) fn answer(control: &Control, head: &request::Parts, body: &[u8]) -> Answer {
    if is_foreign(&head.headers) {
        return Answer::refusal(StatusCode::FORBIDDEN, "pages of other sites may not control this service");
    }
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/_control") => report(control),
        (&Method::GET, "/_control/requests") => Answer::json(StatusCode::OK, &control.requests()),
        (&Method::GET, "/_control/keys") => Answer::json(StatusCode::OK, &control.keys()),
        (&Method::POST, "/_control") => match set(control, body) {
            Ok(()) => report(control),
            Err(error) => {
                let refusal = Refusal { success: false, error: error.to_string() };
                Answer::json(StatusCode::BAD_REQUEST, &refusal)
            }
        },
        (&Method::DELETE, "/_control") => {
            control.reset();
            report(control)
        }
        (_, "/_control" | "/_control/requests" | "/_control/keys") => {
            Answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
        }
        _ => Answer::refusal(StatusCode::NOT_FOUND, "not found"),
    }
}

fn report(control: &Control) -> Answer {
    Answer::json(StatusCode::OK, &control.report())
}

fn set(control: &Control, body: &[u8]) -> Result<(), ControlError> {
    let request = ControlRequest::parse(body)?;
    match request.failure()? {
        None => {}
        Some(None) => control.heal(),
        Some(Some(failure)) => control.fail(failure),
    }
    control.shape(request.shapes(control.shapes()));
    Ok(())
}
