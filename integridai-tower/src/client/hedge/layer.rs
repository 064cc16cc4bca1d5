//! Around a client.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use super::shared::{Sample, Shared, count};
use super::{HedgeCounts, HedgeOptions, ResponseFuture};
use crate::client::replay::Spare;
use crate::client::{ClassifyAttempt, ClassifyHttpAttempt, Replay};
use crate::readiness::take_ready;

/// Makes a second attempt of what takes unusually long; the first success wins. See the [module docs](super).
#[must_use]
pub struct HedgeLayer<C = ClassifyHttpAttempt> {
    shared: Arc<Shared>,
    classify: Arc<C>,
}

impl HedgeLayer {
    pub(super) fn with(options: HedgeOptions) -> Self {
        Self { shared: Arc::new(Shared::new(options)), classify: Arc::new(ClassifyHttpAttempt) }
    }
}

/// With [`HedgeOptions::new`].
impl Default for HedgeLayer {
    fn default() -> Self {
        Self::with(HedgeOptions::new())
    }
}

impl<C> HedgeLayer<C> {
    /// Says which attempts succeeded: those whose outcome is [final](crate::client::AttemptOutcome::Final);
    /// [`ClassifyHttpAttempt`] unless told.
    pub fn classify<D>(self, classify: D) -> HedgeLayer<D> {
        HedgeLayer { shared: self.shared, classify: Arc::new(classify) }
    }

    /// The time after which a second attempt is made at present.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.shared.delay(Instant::now())
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> HedgeCounts {
        self.shared.counts.snapshot()
    }
}

impl<C> Clone for HedgeLayer<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), classify: Arc::clone(&self.classify) }
    }
}

impl<C> fmt::Debug for HedgeLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeLayer").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl<S, C> Layer<S> for HedgeLayer<C> {
    type Service = HedgeService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        HedgeService { inner, layer: self.clone() }
    }
}

/// The service of [`HedgeLayer`].
#[derive(Debug)]
pub struct HedgeService<S, C = ClassifyHttpAttempt> {
    inner: S,
    layer: HedgeLayer<C>,
}

impl<S: Clone, C> Clone for HedgeService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, B, T, C> Service<Request<B>> for HedgeService<S, C>
where
    S: Service<Request<B>, Response = Response<T>> + Clone,
    B: Replay,
    C: ClassifyAttempt<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let HedgeLayer { shared, classify } = &self.layer;
        let (parts, body) = request.into_parts();
        let is_hedgeable = shared.options.is_hedgeable(&parts);
        let request = Request::from_parts(parts, body);
        let Some(spare) = is_hedgeable.then(|| Spare::of(&request)).flatten() else {
            return ResponseFuture::single(self.inner.call(request), Arc::clone(classify));
        };
        shared.budget.deposit();
        count(&shared.counts.calls);
        let sample = Sample::start(shared);
        let mut service = take_ready(&mut self.inner);
        let first = service.call(request);
        ResponseFuture::hedged(first, Arc::clone(classify), (service, spare), sample)
    }
}
