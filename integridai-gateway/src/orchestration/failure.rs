//! Why an execution failed, and the status that tells a client.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use integridai_tower::client::limit::Overloaded;
use integridai_tower::client::{ClientError, ErrorKind};

use crate::stack::LeftAlone;

/// A workflow that did not reach its end.
#[derive(Debug)]
pub struct WorkflowError {
    /// The status a client gets.
    pub status: StatusCode,
    /// What to tell a client: which service failed and how, nothing internal.
    pub message: String,
    /// When to try again, where the service said so.
    pub retry_after: Option<Duration>,
    /// In what time the step is tried again; `None`: it is not.
    pub again_in: Option<Duration>,
    /// The whole story, for logs.
    pub source: Option<ClientError>,
}

impl WorkflowError {
    /// A failure that is the gateway's or the client's own.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None, again_in: None, source: None }
    }

    /// A failed call: 503 when the service could not be reached or asks for patience, 504 when it was too slow,
    /// 502 when its answer is an error or makes no sense.
    #[must_use]
    pub fn of_call(error: ClientError) -> Self {
        let (status, retry_after) = match error.kind() {
            ErrorKind::Connect => (StatusCode::SERVICE_UNAVAILABLE, None),
            ErrorKind::NotReady => (StatusCode::SERVICE_UNAVAILABLE, refusal(&error)),
            ErrorKind::TimedOut { .. } => (StatusCode::GATEWAY_TIMEOUT, None),
            ErrorKind::Status { status, retry_after, .. } => match *status {
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    (StatusCode::SERVICE_UNAVAILABLE, *retry_after)
                }
                StatusCode::GATEWAY_TIMEOUT => (StatusCode::GATEWAY_TIMEOUT, None),
                _ => (StatusCode::BAD_GATEWAY, None),
            },
            _ => (StatusCode::BAD_GATEWAY, None),
        };
        Self { status, message: message(&error), retry_after, again_in: None, source: Some(error) }
    }
}

/// When a call that was not made may be, as far as that is known.
fn refusal(error: &ClientError) -> Option<Duration> {
    let chain = std::iter::successors(error.source(), |error| <dyn Error>::source(*error));
    let times = chain.take(16).filter_map(|error| match error.downcast_ref() {
        Some(LeftAlone { retry_after, .. }) => Some(*retry_after),
        None => error.downcast_ref().map(|Overloaded { retry_after, .. }| *retry_after),
    });
    times.max()
}

/// What a client is told of a failed call. What a service says of the data it was sent is for whoever sent them; all
/// else it says (of credentials, of itself) stays in the log.
pub(super) fn message(error: &ClientError) -> String {
    let service = error.service();
    match error.kind() {
        ErrorKind::Connect => format!("{service} cannot be reached"),
        ErrorKind::NotReady => {
            format!("{service} is not called for now: it has failed, or has too much to do")
        }
        ErrorKind::TimedOut { .. } => format!("{service} did not answer in time"),
        ErrorKind::Broken => format!("{service} broke off"),
        ErrorKind::TooLarge { .. } => format!("{service} answered more than is accepted"),
        ErrorKind::Malformed => format!("{service} answered something malformed"),
        ErrorKind::Refused(_) => format!("{service} refused"),
        ErrorKind::Status { status, refusal: Some(refusal), .. } if is_about_the_data(*status) => {
            format!("{service} refused: {} ({status})", refusal.message)
        }
        ErrorKind::Status { status, .. } => format!("{service} answered {status}"),
        _ => format!("{service} could not be called"),
    }
}

fn is_about_the_data(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
}
