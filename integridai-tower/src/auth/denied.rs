//! The refusal of the layers of this module.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::Reason;
use super::challenge::{Challenges, Fault};
use crate::Refusal;

/// A request was not let through. Found in the extensions of the response.
///
/// The response tells apart that credentials are missing, not valid, not sufficient, or cannot be
/// checked now; which of the [`Reason`]s it was, only you learn.
#[derive(Debug, Clone)]
pub struct Denied {
    reason: Reason,
    challenges: Arc<Challenges>,
    refused_by: Option<&'static str>,
    scopes: Option<Arc<str>>,
}

impl Denied {
    pub(super) fn new(reason: Reason, challenges: &Arc<Challenges>) -> Self {
        Self { reason, challenges: Arc::clone(challenges), refused_by: None, scopes: None }
    }

    /// The scheme whose credentials were refused; without it, the error stands in every challenge.
    pub(super) fn refused_by(mut self, scheme: Option<&'static str>) -> Self {
        self.refused_by = scheme;
        self
    }

    pub(super) fn scopes(mut self, scopes: Option<Arc<str>>) -> Self {
        self.scopes = scopes;
        self
    }

    /// Why; for logs and metrics, not for the client.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The scopes that would have sufficed, separated by spaces, where scopes are asked for.
    #[must_use]
    pub fn required_scopes(&self) -> Option<&str> {
        self.scopes.as_deref()
    }

    fn outcome(&self) -> Outcome {
        match self.reason {
            Reason::NoCredentials => Outcome::Absent,
            Reason::InsufficientScope | Reason::InsufficientRole => Outcome::Insufficient,
            Reason::Forbidden => Outcome::Forbidden,
            Reason::KeysUnavailable => Outcome::Unchecked,
            _ => Outcome::Invalid,
        }
    }
}

/// All that a client is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Absent,
    Invalid,
    Insufficient,
    Forbidden,
    Unchecked,
}

impl Outcome {
    fn status(self) -> StatusCode {
        match self {
            Self::Absent | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Insufficient | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unchecked => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Absent => "Credentials are required.",
            Self::Invalid => "The credentials are not valid.",
            Self::Insufficient => "The credentials do not suffice for this.",
            Self::Forbidden => "This is not allowed.",
            Self::Unchecked => "The credentials cannot be checked at the moment.",
        }
    }

    /// None where nothing was presented: RFC 6750 §3.1 asks for a challenge without an error then.
    fn fault(self) -> Option<Fault> {
        let error = match self {
            Self::Invalid => "invalid_token",
            Self::Insufficient => "insufficient_scope",
            Self::Absent | Self::Forbidden | Self::Unchecked => return None,
        };
        Some(Fault { error, description: self.detail() })
    }
}

impl Refusal for Denied {
    const LAYER: &'static str = "auth";

    fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    fn status(&self) -> StatusCode {
        self.outcome().status()
    }

    fn detail(&self) -> Cow<'static, str> {
        self.outcome().detail().into()
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        let outcome = self.outcome();
        if outcome == Outcome::Unchecked {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return;
        }
        let at_fault = |scheme: &str| self.refused_by.is_none_or(|refused_by| refused_by == scheme);
        for challenge in self.challenges.values(outcome.fault(), at_fault, self.scopes.as_deref()) {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
    }
}
