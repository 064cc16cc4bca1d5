use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::current::Entered;
use super::future::ResponseFuture;
use super::settings::{Accepted, Settings};

/// The service of [`CorrelationLayer`](super::CorrelationLayer).
#[derive(Clone, Debug)]
pub struct Correlated<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Correlated<S> {
    pub(super) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, A, B> Service<Request<A>> for Correlated<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let Accepted { correlation, echo } = self.settings.accept(&mut request);
        let span = self.settings.span(&correlation, &mut request);
        let mut place = Some(correlation);
        let entered = (Entered::enter(&mut place), span.enter());
        let answer = self.inner.call(request);
        drop(entered);
        ResponseFuture::new(answer, place, span, echo)
    }
}
