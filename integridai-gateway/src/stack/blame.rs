//! What a client does wrong while it sends says nothing about the service: neither circuit nor limit hears of it.

use std::error::Error;

use http::Response;
use integridai_tower::circuit_breaker::{Classify, ClassifyHttp, Outcome};
use integridai_tower::client::transport::TransportError;

use super::outgoing::ClientBodyError;

/// As [`ClassifyHttp`] has it, but for what a client did.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClassifyService;

impl<B, E: Error + 'static> Classify<Response<B>, E> for ClassifyService {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Err(error) if is_of_client(error) => Outcome::Ignored,
            result => ClassifyHttp.classify(result),
        }
    }
}

/// For limits and balancing, a request that could not be sent.
pub(super) fn without_blame(error: TransportError) -> TransportError {
    if is_of_client(&error) { TransportError::Invalid(error.into()) } else { error }
}

fn is_of_client(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16);
    causes.any(<dyn Error>::is::<ClientBodyError>)
}
