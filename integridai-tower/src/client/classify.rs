//! What the answer of a service says about its health and its load.

use http::{Response, StatusCode};

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
    /// It says nothing about the service.
    Ignored,
}

/// Says how a call ended. Closures of `Fn(Result<&R, &E>) -> Outcome` implement it.
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

/// For HTTP: errors of the service below, such as that there is no connection or that time is up, and 503 and 504 are
/// [`Overloaded`](Outcome::Overloaded); 429 is [`Throttled`](Outcome::Throttled); other 5xx but for 501 and 505 are
/// failures. What a layer of this crate answered by itself ([`Refused`]) is ignored. All else is a success.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifyHttp;

impl<B, E> Classify<Response<B>, E> for ClassifyHttp {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        let Ok(response) = result else { return Outcome::Overloaded };
        if response.extensions().get::<Refused>().is_some() {
            return Outcome::Ignored;
        }
        match response.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Outcome::Overloaded,
            StatusCode::TOO_MANY_REQUESTS => Outcome::Throttled,
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Outcome::Success,
            status if status.is_server_error() => Outcome::Failure,
            _ => Outcome::Success,
        }
    }
}
