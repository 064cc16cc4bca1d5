use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::RequestHead;
use super::door::{Detour, Door, Passage};
use super::future::{Duty, Next, ResponseFuture};
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

    #[inline(never)]
    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        match self.door.open(&RequestHead::from(&request)) {
            Passage::Plain => ResponseFuture::plain(self.inner.call(request)),
            Passage::Stamped(stamp) => {
                let duty = Duty::new(stamp, &self.door);
                ResponseFuture::stamped(self.inner.call(request), duty)
            }
            Passage::Detour(detour) => self.detour(*detour, request),
        }
    }
}

impl<S: Clone> RateLimit<S> {
    /// Kept apart, so that a request that goes on at once is not moved more often than need be.
    #[cold]
    #[inline(never)]
    fn detour<A, B>(&mut self, detour: Detour, request: Request<A>) -> ResponseFuture<S, A, B>
    where
        S: Service<Request<A>>,
    {
        match detour {
            Detour::Refused(refusal) => {
                ResponseFuture::refused(self.door.answer(refusal, &request.into_parts().0))
            }
            Detour::Undecided(passage) => {
                let (inner, door) = (take_ready(&mut self.inner), Arc::clone(&self.door));
                ResponseFuture::undecided(passage, Next { inner, request, door })
            }
        }
    }
}
