//! One exchange from end to end.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use integridai_tower::BoxError;
use tower::Service;

use super::answer::passed_on;
use super::prepare::{Passage, Prepared};
use super::route::Route;
use super::{failure, max_forwards};
use crate::stack::{Outgoing, UpstreamError};

/// Passes requests of one route on to `inner`, and its answers back; what fails becomes a problem document.
#[derive(Debug, Clone)]
pub struct Pass<S> {
    inner: S,
    passage: Arc<Passage>,
}

impl<S> Pass<S> {
    /// Through `inner`, which sends to the service.
    pub fn new(inner: S, passage: Arc<Passage>) -> Self {
        Self { inner, passage }
    }
}

impl<S, B> Service<Request<Body>> for Pass<S>
where
    S: Service<Request<Outgoing>, Response = http::Response<B>, Error = UpstreamError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    /// A service that is not ready is one that failed, and told so when it is called.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context).map(|_| Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.method().clone();
        if max_forwards::ends_here(&method, request.headers_mut()) {
            return Box::pin(async { Ok(StatusCode::NO_CONTENT.into_response()) });
        }
        let (answer, sent) = match self.passage.prepare(request) {
            Ok(Prepared { request, sent }) => (self.inner.call(request), sent),
            Err(refusal) => return Box::pin(async { Ok(refusal.into_response()) }),
        };
        let passage = Arc::clone(&self.passage);
        Box::pin(async move {
            Ok(match answer.await {
                Ok(response) => passed_on(response, sent, &passage.pseudonym),
                Err(error) => failed(&passage.route, &error),
            })
        })
    }
}

fn failed(route: &Route, error: &UpstreamError) -> Response {
    let service = &*route.service;
    tracing::warn!(service, error = error as &dyn std::error::Error, "a request could not be passed on");
    if failure::is_stalled(error) {
        metrics::counter!("integridai_proxy_ended_total", "route" => Arc::clone(&route.template), "reason" => "idle")
            .increment(1);
    }
    failure::problem(service, error).into_response()
}
