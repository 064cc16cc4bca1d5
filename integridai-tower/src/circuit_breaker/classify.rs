//! What the answer of a service says about its health.

use std::error::Error;
use std::time::SystemTime;

use http::{Response, StatusCode};

use super::Outcome;
use crate::Refused;
use crate::retry_after::retry_after;

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

/// For HTTP: errors of the service below, such as that there is no connection or that time is up, are failures, and so are
/// answers with a status of 5xx but for 501 and 505. An answer of 429 is a failure where it says when to come back, and
/// otherwise ignored. What a layer of this crate answered by itself
/// or did not let through ([`Refused`] in the extensions, or among the sources of the error) is ignored. All else is a success.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifyHttp;

impl<B, E: Error + 'static> Classify<Response<B>, E> for ClassifyHttp {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        let response = match result {
            Ok(response) => response,
            Err(error) if Refused::among(error).is_some() => return Outcome::Ignored,
            Err(_) => return Outcome::FAILURE,
        };
        if response.extensions().get::<Refused>().is_some() {
            return Outcome::Ignored;
        }
        let retry_after = || retry_after(response.headers(), SystemTime::now());
        match response.status() {
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Outcome::Success,
            StatusCode::TOO_MANY_REQUESTS => match retry_after() {
                Some(time) => Outcome::Failure { retry_after: Some(time) },
                None => Outcome::Ignored,
            },
            StatusCode::SERVICE_UNAVAILABLE => Outcome::Failure { retry_after: retry_after() },
            status if status.is_server_error() => Outcome::FAILURE,
            _ => Outcome::Success,
        }
    }
}
