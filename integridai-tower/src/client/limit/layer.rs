//! Around a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::passage::{Ended, Passage};
use super::{ConcurrencyLimit, OverloadedError};
use crate::client::{Classify, ClassifyHttp};

/// Lets so many calls of a service through at once, and fails with an error of its own otherwise. See the
/// [module docs](super).
#[derive(Debug, Clone)]
#[must_use]
pub struct ConcurrencyLimitLayer<C = ClassifyHttp> {
    limit: ConcurrencyLimit,
    classify: C,
}

impl ConcurrencyLimitLayer {
    /// All calls go by this limit.
    pub fn new(limit: ConcurrencyLimit) -> Self {
        Self { limit, classify: ClassifyHttp }
    }
}

impl<C> ConcurrencyLimitLayer<C> {
    /// Says what an answer tells of the service's load, cloned with each call; [`ClassifyHttp`] unless told.
    pub fn classify<D>(self, classify: D) -> ConcurrencyLimitLayer<D> {
        ConcurrencyLimitLayer { limit: self.limit, classify }
    }
}

impl<S, C: Clone> Layer<S> for ConcurrencyLimitLayer<C> {
    type Service = ConcurrencyLimited<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimited { inner, layer: self.clone() }
    }
}

/// The service of [`ConcurrencyLimitLayer`].
#[derive(Debug, Clone)]
pub struct ConcurrencyLimited<S, C = ClassifyHttp> {
    inner: S,
    layer: ConcurrencyLimitLayer<C>,
}

impl<S, B, C> Service<Request<B>> for ConcurrencyLimited<S, C>
where
    S: Service<Request<B>> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = OverloadedError<S::Error>;
    type Future = ResponseFuture<S, Request<B>, S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(OverloadedError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let ConcurrencyLimitLayer { limit, classify } = &self.layer;
        let passage = Passage::begin(limit, &mut self.inner, request, classify.clone());
        ResponseFuture { passage }
    }
}

pin_project! {
    /// The future of [`ConcurrencyLimited`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R, F, C> {
        #[pin]
        passage: Passage<S, R, F, C>,
    }
}

impl<S, R, C> Future for ResponseFuture<S, R, S::Future, C>
where
    S: Service<R>,
    C: Classify<S::Response, S::Error>,
{
    type Output = Result<S::Response, OverloadedError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.project().passage.poll(context)) {
            Ended::Answered(answer) => answer.map_err(OverloadedError::Inner),
            Ended::Refused(overloaded, _) => Err(OverloadedError::Overloaded(overloaded)),
        })
    }
}

impl<S, R, F, C> fmt::Debug for ResponseFuture<S, R, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseFuture").field(&self.passage.state()).finish()
    }
}
