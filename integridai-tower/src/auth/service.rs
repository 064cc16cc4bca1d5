use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::door::{Door, Passage};
use super::future::ResponseFuture;
use crate::EarlyBody;
use crate::readiness::take_ready;

/// The service of [`AuthenticateLayer`](super::AuthenticateLayer).
#[derive(Debug, Clone)]
pub struct Authenticated<S> {
    inner: S,
    door: Arc<Door>,
}

impl<S> Authenticated<S> {
    pub(super) fn new(inner: S, door: Arc<Door>) -> Self {
        Self { inner, door }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Authenticated<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone,
{
    type Response = Response<EarlyBody<ResponseBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, RequestBody, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        match self.door.open(head) {
            Passage::Admitted(head) => {
                ResponseFuture::inner(self.inner.call(Request::from_parts(head, body)))
            }
            Passage::Refused(response) => ResponseFuture::refused(response),
            Passage::Undecided(passage) => {
                ResponseFuture::undecided(passage, take_ready(&mut self.inner), body)
            }
        }
    }
}
