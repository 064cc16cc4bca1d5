//! Why a call failed, who failed, and whether it may be repeated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::Refusal;
use crate::BoxError;

/// A call that gave no usable answer.
///
/// Its text names the service and the endpoint but never what was sent, so it can be logged; it is still not
/// meant for the callers of *your* service.
#[derive(Debug)]
pub struct ClientError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    service: Arc<str>,
    endpoint: &'static str,
    repeatable: bool,
    kind: ErrorKind,
    source: Option<BoxError>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request could not be made from what the caller gave.
    InvalidRequest,
    /// No connection: refused, unreachable, unknown host. Nothing was sent.
    Connect,
    /// The service below the client refused to take the call. Nothing was sent.
    NotReady,
    /// The connection broke after the request was sent, or while the answer came.
    Broken,
    /// The deadline or the client's timeout passed first.
    TimedOut {
        /// The time the call was given.
        after: Duration,
    },
    /// The answer is larger than the client accepts.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer has a status other than 2xx.
    Status {
        /// The status.
        status: StatusCode,
        /// What the service says of it.
        refusal: Option<Refusal>,
        /// How long the service asks to be left alone; what is longer than an hour counts as an hour.
        retry_after: Option<Duration>,
    },
    /// The status is 2xx, but the body says that the service did not do it.
    Refused(Refusal),
    /// The body is not what the endpoint answers.
    Malformed,
}

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller: the same request will fail again.
    Caller,
    /// The way there: connections, names, time.
    Network,
    /// The service: it answered, and the answer is an error or makes no sense.
    Service,
}

/// Whether the same call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// It would fail again, or could have its effect twice.
    No,
    /// It is safe now.
    Yes,
    /// It is safe once this time has passed: the service asked for it. At most an hour.
    After(Duration),
}

impl ClientError {
    pub(super) fn new(
        service: &Arc<str>,
        endpoint: &'static str,
        repeatable: bool,
        kind: ErrorKind,
        source: Option<BoxError>,
    ) -> Self {
        Self(Box::new(Inner { service: Arc::clone(service), endpoint, repeatable, kind, source }))
    }

    /// The name of the service, as the client was given it.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// The name of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &'static str {
        self.0.endpoint
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Who failed.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match &self.0.kind {
            ErrorKind::InvalidRequest => Fault::Caller,
            ErrorKind::Status { status, .. } if is_callers(*status) => Fault::Caller,
            ErrorKind::Connect | ErrorKind::NotReady | ErrorKind::Broken | ErrorKind::TimedOut { .. } => {
                Fault::Network
            }
            _ => Fault::Service,
        }
    }

    /// Whether the call may be sent again. After a failure that leaves open whether the service acted, only an
    /// idempotent call, or one with an idempotency key, may. A 503 leaves it open: RFC 9110 §15.6.4 does not say that
    /// the request was not processed.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match &self.0.kind {
            ErrorKind::Connect | ErrorKind::NotReady => Retry::Yes,
            // Refused for its rate, so it was not processed (RFC 6585 §4).
            ErrorKind::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after, .. } => {
                retry_after.map_or(Retry::Yes, Retry::After)
            }
            // A service that moved answers every try alike.
            ErrorKind::Status { status, .. } if is_callers(*status) || status.is_redirection() => Retry::No,
            ErrorKind::Status { retry_after: Some(time), .. } if self.0.repeatable => Retry::After(*time),
            ErrorKind::Broken
            | ErrorKind::TimedOut { .. }
            | ErrorKind::Status { .. }
            | ErrorKind::Malformed
                if self.0.repeatable =>
            {
                Retry::Yes
            }
            _ => Retry::No,
        }
    }
}

fn is_callers(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { service, endpoint, kind, .. } = &*self.0;
        write!(f, "{service} {endpoint}: ")?;
        match kind {
            ErrorKind::InvalidRequest => write!(f, "the request could not be made"),
            ErrorKind::Connect => write!(f, "no connection"),
            ErrorKind::NotReady => write!(f, "not ready"),
            ErrorKind::Broken => write!(f, "the connection broke"),
            ErrorKind::TimedOut { after } => write!(f, "no answer within {after:?}"),
            ErrorKind::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            ErrorKind::Status { status, refusal: Some(Refusal { message, .. }), .. } => {
                write!(f, "answered {status}: {message}")
            }
            ErrorKind::Status { status, .. } => write!(f, "answered {status}"),
            ErrorKind::Refused(refusal) => write!(f, "refused: {}", refusal.message),
            ErrorKind::Malformed => write!(f, "the answer is malformed"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}
