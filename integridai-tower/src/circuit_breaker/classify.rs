//! What the answer of a service says about its health.

use std::error::Error;
use std::time::SystemTime;

use http::{Response, StatusCode};

use super::Outcome;
use crate::Refused;
use crate::retry_after::retry_after;
use crate::transport_error::TransportError;

impl Outcome {
    /// What an error says, or one of its [sources](Error::source): nothing of the service where a layer did not make the call
    /// ([`Refused`]) or the request cannot be sent at all (`TransportError::Invalid`), and a failure otherwise, such as that there
    /// is no connection or that time is up.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        // A chain that refers to itself would have no end.
        let mut chain = std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16);
        let says_nothing = |error: &(dyn Error + 'static)| {
            error.is::<Refused>() || matches!(error.downcast_ref(), Some(TransportError::Invalid(_)))
        };
        if chain.any(says_nothing) { Self::Ignored } else { Self::FAILURE }
    }

    /// What an answer says, as [`ClassifyHttp`] has it.
    #[must_use]
    pub fn of_response<B>(response: &Response<B>) -> Self {
        if response.extensions().get::<Refused>().is_some() {
            return Self::Ignored;
        }
        let retry_after = || retry_after(response.headers(), SystemTime::now());
        match response.status() {
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Self::Success,
            StatusCode::TOO_MANY_REQUESTS => match retry_after() {
                Some(time) => Self::Failure { retry_after: Some(time) },
                None => Self::Ignored,
            },
            StatusCode::SERVICE_UNAVAILABLE => Self::Failure { retry_after: retry_after() },
            status if status.is_server_error() => Self::FAILURE,
            _ => Self::Success,
        }
    }
}

/// Says how a call ended. Closures of `Fn(Result<&R, &E>) -> Outcome` implement it.
///
/// For a service whose errors are [`BoxError`](crate::BoxError), which is no [`Error`] itself:
/// ```
/// use http::Response;
/// use integridai_tower::circuit_breaker::Outcome;
/// use integridai_tower::{BoxError, Refused};
///
/// let classify = |result: Result<&Response<()>, &BoxError>| match result {
///     Ok(response) => Outcome::of_response(response),
///     Err(error) => Outcome::of_error(&**error),
/// };
/// assert_eq!(classify(Err(&"no connection".into())), Outcome::FAILURE);
/// let refused = Refused { layer: "concurrency_limit", reason: "queue_full" };
/// assert_eq!(classify(Err(&refused.into())), Outcome::Ignored);
/// ```
pub trait Classify<R, E>: Send + Sync {
    /// How the call ended that gave this response or error.
    fn classify(&self, result: Result<&R, &E>) -> Outcome;
}

impl<R, E, F> Classify<R, E> for F
where
    F: Fn(Result<&R, &E>) -> Outcome + Send + Sync,
{
    fn classify(&self, result: Result<&R, &E>) -> Outcome {
        self(result)
    }
}

/// For HTTP: errors of the service below, such as that there is no connection or that time is up, are failures, and so are
/// answers with a status of 5xx but for 501 and 505. An answer of 429 is a failure where it says when to come back, and
/// otherwise ignored. What a layer of this crate answered by itself, or did not let through to the service, is ignored
/// ([`Refused`], in the extensions of an answer or among the sources of an error), and so is a request that cannot be sent. All else is a success.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifyHttp;

impl<B, E: Error + 'static> Classify<Response<B>, E> for ClassifyHttp {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => Outcome::of_response(response),
            Err(error) => Outcome::of_error(error),
        }
    }
}
