//! One request, split into several, and one answer of theirs.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::future::ResponseFuture;
use super::options::{FanOutOptions, Settings};
use super::split::{SplitRequest, Splitting};
use crate::BoxError;
use crate::readiness::take_ready;

/// Splits each request into several for its inner service. See the [module docs](super).
#[must_use]
pub struct FanOutLayer<P> {
    split: Arc<P>,
    settings: Arc<Settings>,
}

impl<P: SplitRequest> FanOutLayer<P> {
    /// Splits requests with `split`, such as a closure of `Fn(&request::Parts, &Bytes) -> Vec<Part>`.
    pub fn new(split: P, options: FanOutOptions) -> Self {
        Self { split: Arc::new(split), settings: options.into_settings() }
    }
}

impl<P> Clone for FanOutLayer<P> {
    fn clone(&self) -> Self {
        Self { split: Arc::clone(&self.split), settings: Arc::clone(&self.settings) }
    }
}

impl<P> fmt::Debug for FanOutLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for FanOutLayer<P> {
    type Service = Split<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Split { inner, layer: self.clone() }
    }
}

/// The service of [`FanOutLayer`].
#[derive(Debug)]
pub struct Split<S, P> {
    inner: S,
    layer: FanOutLayer<P>,
}

impl<S: Clone, P> Clone for Split<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, P, B, A> Service<Request<B>> for Split<S, P>
where
    S: Service<Request<Full<Bytes>>, Response = Response<A>, Error: Into<BoxError>> + Clone,
    P: SplitRequest,
    B: Body<Error: Into<BoxError>>,
    A: Body<Error: Into<BoxError>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = S::Error;
    type Future = ResponseFuture<Splitting<S, P>, B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let work = Splitting { ready: take_ready(&mut self.inner), split: Arc::clone(&self.layer.split) };
        ResponseFuture::new(request, work, Arc::clone(&self.layer.settings))
    }
}
