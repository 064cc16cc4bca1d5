//! How one attempt of a call ended, as far as another attempt is concerned.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Response, StatusCode};

use super::cause::{Cause, chain};
use super::transport::TransportError;
use crate::Refused;
use crate::retry_after::retry_after;

/// What the end of an attempt says of another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// An answer, or a failure that another attempt would meet again.
    Final,
    /// A failure that leaves open whether the service acted: only what may be repeated is.
    Failed {
        /// How long the service asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The service did not act: nothing was sent, or it refused to begin. Whatever it was, it may be sent again.
    Unprocessed {
        /// How long the service asks to be left alone.
        retry_after: Option<Duration>,
    },
}

impl AttemptOutcome {
    /// What a status says, with the `Retry-After` (RFC 9110 §10.2.3) that came with it; what is longer than an hour
    /// counts as an hour.
    ///
    /// A 429 was not processed (RFC 6585 §4). 408 and 5xx leave it open, but for 501 and 505, which are final as all
    /// else is.
    #[must_use]
    pub fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let retry_after = || retry_after(headers, SystemTime::now());
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::Unprocessed { retry_after: retry_after() },
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Self::Final,
            StatusCode::REQUEST_TIMEOUT => Self::Failed { retry_after: retry_after() },
            status if status.is_server_error() => Self::Failed { retry_after: retry_after() },
            _ => Self::Final,
        }
    }

    /// What an error says, or one of its [sources](Error::source).
    ///
    /// Without a connection ([`TransportError::Connect`]) nothing was sent; a certificate or greeting that is wrong is
    /// final, though. A request that cannot be sent is final, and so is one that a layer of this crate refused
    /// ([`Refused`]): it would refuse the next. All else leaves open whether the
    /// service acted.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        match Cause::of(error) {
            Some(Cause::Transport(TransportError::Connect(source))) if is_disagreement(&**source) => {
                Self::Final
            }
            Some(Cause::Transport(TransportError::Connect(_))) => Self::Unprocessed { retry_after: None },
            Some(Cause::Transport(TransportError::Invalid(_)) | Cause::Refused) => Self::Final,
            Some(Cause::Transport(TransportError::Exchange(_)) | Cause::TimedOut(_)) | None => {
                Self::Failed { retry_after: None }
            }
        }
    }

    /// Whether no other attempt is worth while.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Final)
    }

    /// How long the service asks to be left alone.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Final => None,
            Self::Failed { retry_after } | Self::Unprocessed { retry_after } => retry_after,
        }
    }
}

/// TLS libraries report what the other end said wrong, such as a certificate of nobody's, as invalid data.
fn is_disagreement(error: &(dyn Error + 'static)) -> bool {
    chain(error).filter_map(|error| error.downcast_ref()).any(is_invalid_data)
}

/// The source of an I/O error is not the error inside of it, but that one's source.
fn is_invalid_data(error: &io::Error) -> bool {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || inside.is_some_and(is_invalid_data)
}

/// Says how an attempt ended. Closures of `Fn(Result<&R, &E>) -> AttemptOutcome` implement it.
///
/// For a service whose errors are [`BoxError`](crate::BoxError), which is no [`Error`] itself:
/// ```
/// use http::Response;
/// use integridai_tower::BoxError;
/// use integridai_tower::client::AttemptOutcome;
///
/// let classify = |result: Result<&Response<()>, &BoxError>| match result {
///     Ok(response) => AttemptOutcome::of_status(response.status(), response.headers()),
///     Err(error) => AttemptOutcome::of_error(&**error),
/// };
/// assert!(classify(Ok(&Response::new(()))).is_final());
/// ```
pub trait ClassifyAttempt<R, E>: Send + Sync {
    /// How the attempt ended that gave this response or error.
    fn classify(&self, result: Result<&R, &E>) -> AttemptOutcome;
}

impl<R, E, F> ClassifyAttempt<R, E> for F
where
    F: Fn(Result<&R, &E>) -> AttemptOutcome + Send + Sync,
{
    fn classify(&self, result: Result<&R, &E>) -> AttemptOutcome {
        self(result)
    }
}

/// For HTTP: [`AttemptOutcome::of_status`] and [`AttemptOutcome::of_error`]. A response that a layer of this crate made by
/// itself ([`Refused`] in its extensions) is final.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifyHttpAttempt;

impl<B, E: Error + 'static> ClassifyAttempt<Response<B>, E> for ClassifyHttpAttempt {
    fn classify(&self, result: Result<&Response<B>, &E>) -> AttemptOutcome {
        match result {
            Ok(response) if response.extensions().get::<Refused>().is_some() => AttemptOutcome::Final,
            Ok(response) => AttemptOutcome::of_status(response.status(), response.headers()),
            Err(error) => AttemptOutcome::of_error(error),
        }
    }
}
