use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::door::{Door, Passage};
use super::future::{Next, ResponseFuture};
use crate::EarlyBody;
use crate::readiness::take_ready;

/// The service of [`RateLimitLayer`](super::RateLimitLayer).
#[derive(Debug, Clone)]
pub struct RateLimit<S> {
    inner: S,
    door: Arc<Door>,
}

impl<S> RateLimit<S> {
    pub(super) fn new(inner: S, door: Arc<Door>) -> Self {
        Self { inner, door }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for RateLimit<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone,
{
    type Response = Response<EarlyBody<ResponseBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, RequestBody, ResponseBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        match self.door.open(&head) {
            Passage::Admitted(stamp) => {
                let answer = self.inner.call(Request::from_parts(head, body));
                ResponseFuture::inner(answer, stamp, &self.door)
            }
            Passage::Refused(response) => ResponseFuture::refused(response),
            Passage::Undecided(passage) => {
                let (inner, door) = (take_ready(&mut self.inner), Arc::clone(&self.door));
                ResponseFuture::undecided(passage, Next { inner, head, body, door })
            }
        }
    }
}
