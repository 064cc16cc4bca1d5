//! A fan-out without a result becomes a response.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use http::StatusCode;

use super::GatherError;
use super::error::Cause;
use crate::{BranchEnd, BranchOutcomes, Refusal};

/// Why a request was not answered with what branches gave. In the extensions of the response.
#[derive(Debug, Clone)]
pub struct FanOutFailed {
    reason: Reason,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone)]
enum Reason {
    Branch { name: Cow<'static, str>, end: BranchEnd },
    TooFew { any_timed_out: bool },
    RequestTooLarge,
    RequestBroken,
    TooManyParts,
}

impl FanOutFailed {
    pub(super) fn of(error: GatherError) -> (Self, BranchOutcomes) {
        let (cause, outcomes) = error.into_parts();
        let (reason, source) = match cause {
            Cause::Branch { name, end, source } => (Reason::Branch { name, end }, source),
            Cause::TooFew { any_timed_out, .. } => (Reason::TooFew { any_timed_out }, None),
        };
        (Self { reason, source: source.map(Arc::from) }, outcomes)
    }

    pub(super) fn request_too_large() -> Self {
        Self { reason: Reason::RequestTooLarge, source: None }
    }

    pub(super) fn request_broken(source: crate::BoxError) -> Self {
        Self { reason: Reason::RequestBroken, source: Some(source.into()) }
    }

    pub(super) fn too_many_parts() -> Self {
        Self { reason: Reason::TooManyParts, source: None }
    }

    /// The branch that failed, where it is for one.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        match &self.reason {
            Reason::Branch { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What it failed with, for logs: [`AnswerError`](super::AnswerError), or what broke the request's body. Not for clients.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl Refusal for FanOutFailed {
    const LAYER: &'static str = "fan_out";

    fn reason(&self) -> &'static str {
        match &self.reason {
            Reason::Branch { end, .. } => end.as_str(),
            Reason::TooFew { .. } => "too_few",
            Reason::RequestTooLarge => "request_too_large",
            Reason::RequestBroken => "request_broken",
            Reason::TooManyParts => "too_many_parts",
        }
    }

    fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Branch { end: BranchEnd::TimedOut, .. } | Reason::TooFew { any_timed_out: true } => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Reason::Branch { .. } | Reason::TooFew { .. } => StatusCode::BAD_GATEWAY,
            Reason::RequestTooLarge | Reason::TooManyParts => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::RequestBroken => StatusCode::BAD_REQUEST,
        }
    }

    fn detail(&self) -> Cow<'static, str> {
        match &self.reason {
            Reason::Branch { name, end } => format!("{name} {}", what_happened(*end)).into(),
            Reason::TooFew { .. } => "Too few of those who were asked have answered.".into(),
            Reason::RequestTooLarge => "The body of the request is too long.".into(),
            Reason::RequestBroken => "The body of the request broke off.".into(),
            Reason::TooManyParts => "The request asks for too much at once.".into(),
        }
    }
}

fn what_happened(end: BranchEnd) -> &'static str {
    match end {
        BranchEnd::TimedOut => "did not answer in time.",
        BranchEnd::Rejected => "gave an answer that cannot be used.",
        BranchEnd::TooLarge => "gave an answer that is too long.",
        _ => "could not be asked.",
    }
}
