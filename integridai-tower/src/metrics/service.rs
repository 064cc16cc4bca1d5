use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::counters::Counts;
use super::future::ResponseFuture;

/// The service of [`CountRefusalsLayer`](super::CountRefusalsLayer).
#[derive(Debug, Clone)]
pub struct RefusalsCounted<S> {
    inner: S,
    counts: Arc<Counts>,
}

impl<S> RefusalsCounted<S> {
    pub(super) fn new(inner: S, counts: Arc<Counts>) -> Self {
        Self { inner, counts }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for RefusalsCounted<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        ResponseFuture::new(self.inner.call(request), Arc::clone(&self.counts))
    }
}
