use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::CountedBody;
use super::future::ResponseFuture;
use super::observer::Observe;
use super::recording::Recording;
use super::route::RouteBy;

/// The service of [`ObserveLayer`](super::ObserveLayer).
#[derive(Debug)]
pub struct Observed<S, O> {
    inner: S,
    observer: Arc<O>,
    route_by: RouteBy,
}

impl<S, O> Observed<S, O> {
    pub(super) fn new(inner: S, observer: Arc<O>, route_by: RouteBy) -> Self {
        Self { inner, observer, route_by }
    }
}

// By hand: the observer is shared, so it need not be `Clone`.
impl<S: Clone, O> Clone for Observed<S, O> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.observer), self.route_by.clone())
    }
}

impl<S, O, RequestBody, ResponseBody> Service<Request<RequestBody>> for Observed<S, O>
where
    S: Service<Request<CountedBody<RequestBody>>, Response = Response<ResponseBody>>,
    O: Observe,
    RequestBody: Body,
    ResponseBody: Body,
{
    type Response = Response<super::ObservedBody<ResponseBody, O>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, O>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        let (body, request_bytes) = CountedBody::new(body);
        let route = self.route_by.route(&head);
        let recording = Recording::begin(&self.observer, &head, route, request_bytes);
        ResponseFuture::new(self.inner.call(Request::from_parts(head, body)), recording)
    }
}
