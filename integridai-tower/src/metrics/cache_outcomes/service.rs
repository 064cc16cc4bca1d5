use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::counters::Counts;
use super::future::CacheOutcomesFuture;

/// The service of [`CountCacheOutcomesLayer`](super::CountCacheOutcomesLayer).
#[derive(Debug, Clone)]
pub struct CacheOutcomesCounted<S> {
    inner: S,
    counts: Arc<Counts>,
}

impl<S> CacheOutcomesCounted<S> {
    pub(super) fn new(inner: S, counts: Arc<Counts>) -> Self {
        Self { inner, counts }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for CacheOutcomesCounted<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    ResponseBody: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CacheOutcomesFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        CacheOutcomesFuture::new(self.inner.call(request), Arc::clone(&self.counts))
    }
}
