//! What the answer of a service says about its health and its load.

use std::error::Error;

use http::{Response, StatusCode};

use super::transport::TransportError;
use crate::Refused;

/// How a call ended, as far as limits and balancing are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The service did what it was asked, or said with right that it would not. Its time counts.
    Success,
    /// It is broken, which says nothing about how much it can take.
    Failure,
    /// It failed as what has too much to do fails: unavailable, out of time, no connection.
    Overloaded,
    /// It has had enough of this client (RFC 6585 §4), and may be well otherwise.
    Throttled,
    /// A layer on the way did not let it through: nobody knows how the service is, but this is no way to it.
    Refused,
    /// It says nothing about the service.
    Ignored,
}

impl Outcome {
    /// What a status says: 503 and 504 are [`Overloaded`](Self::Overloaded), 429 is [`Throttled`](Self::Throttled), other 5xx
    /// but for 501 and 505 are failures. All else is a success.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Self::Overloaded,
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled,
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Self::Success,
            status if status.is_server_error() => Self::Failure,
            _ => Self::Success,
        }
    }

    /// What an error says, or one of its [sources](Error::source): that a layer of this crate refused ([`Refused`](crate::Refused)),
    /// or that the request could not be sent at all, which is ignored. All else is [`Overloaded`](Self::Overloaded): there is no
    /// connection, or time is up.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        let mut chain = std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16);
        let said = chain.find_map(|error| match error.downcast_ref() {
            Some(TransportError::Invalid(_)) => Some(Self::Ignored),
            Some(_) => Some(Self::Overloaded),
            None => error.is::<Refused>().then_some(Self::Refused),
        });
        said.unwrap_or(Self::Overloaded)
    }
}

/// Says how a call ended. Closures of `Fn(Result<&R, &E>) -> Outcome` implement it.
///
/// For a service whose errors are [`BoxError`](crate::BoxError), which is no [`Error`] itself:
/// ```
/// use http::Response;
/// use integridai_tower::BoxError;
/// use integridai_tower::client::Outcome;
///
/// let classify = |result: Result<&Response<()>, &BoxError>| match result {
///     Ok(response) => Outcome::of_status(response.status()),
///     Err(error) => Outcome::of_error(&**error),
/// };
/// assert_eq!(classify(Ok(&Response::new(()))), Outcome::Success);
/// assert_eq!(classify(Err(&"no connection".into())), Outcome::Overloaded);
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

/// For HTTP: [`Outcome::of_status`] and [`Outcome::of_error`]. A response that a layer of this crate made by itself
/// ([`Refused`](crate::Refused) in its extensions) is [`Outcome::Refused`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifyHttp;

impl<B, E: Error + 'static> Classify<Response<B>, E> for ClassifyHttp {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) if response.extensions().get::<Refused>().is_some() => Outcome::Refused,
            Ok(response) => Outcome::of_status(response.status()),
            Err(error) => Outcome::of_error(error),
        }
    }
}
