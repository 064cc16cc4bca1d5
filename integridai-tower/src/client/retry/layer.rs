//! Around a client.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::Exchange;
use super::{ResponseFuture, RetryOptions, attempts};
use crate::Deadline;
use crate::client::replay::Spare;
use crate::client::{AttemptBudget, ClassifyAttempt, ClassifyHttpAttempt, Replay};
use crate::readiness::take_ready;

/// Repeats calls that failed, where that is harmless and worth while. See the [module docs](super).
#[must_use]
pub struct RetryLayer<C = ClassifyHttpAttempt>(Arc<Policy<C>>);

/// What all calls through one layer share.
pub(super) struct Policy<C> {
    pub(super) options: RetryOptions,
    pub(super) budget: AttemptBudget,
    pub(super) classify: Arc<C>,
}

impl RetryLayer {
    pub(super) fn with(mut options: RetryOptions) -> Self {
        let budget = options.budget.take().unwrap_or_else(AttemptBudget::for_retries);
        Self(Arc::new(Policy { options, budget, classify: Arc::new(ClassifyHttpAttempt) }))
    }
}

impl<C> RetryLayer<C> {
    /// Says which attempts failed; [`ClassifyHttpAttempt`] unless told. The budget stays shared.
    pub fn classify<D>(self, classify: D) -> RetryLayer<D> {
        let (options, budget) = (self.0.options.clone(), self.0.budget.clone());
        RetryLayer(Arc::new(Policy { options, budget, classify: Arc::new(classify) }))
    }
}

/// With [`RetryOptions::new`].
impl Default for RetryLayer {
    fn default() -> Self {
        Self::with(RetryOptions::new())
    }
}

impl<C> Clone for RetryLayer<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for RetryLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = f.debug_struct("RetryLayer");
        printer.field("options", &self.0.options).field("budget", &self.0.budget).finish_non_exhaustive()
    }
}

impl<S, C> Layer<S> for RetryLayer<C> {
    type Service = RetryService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService { inner, policy: Arc::clone(&self.0) }
    }
}

/// The service of [`RetryLayer`].
pub struct RetryService<S, C = ClassifyHttpAttempt> {
    inner: S,
    policy: Arc<Policy<C>>,
}

impl<S: Clone, C> Clone for RetryService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), policy: Arc::clone(&self.policy) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for RetryService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = f.debug_struct("RetryService");
        printer.field("inner", &self.inner).field("options", &self.policy.options).finish_non_exhaustive()
    }
}

impl<S, B, T, C> Service<Request<B>> for RetryService<S, C>
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
        let options = &self.policy.options;
        self.policy.budget.deposit();
        let deadline = request.extensions().get::<Deadline>().copied();
        let (mut request, is_repeatable) = options.is_repeatable(request);
        attempts::number(request.headers_mut(), 1);
        let again = if options.rules.attempts > 1 { Spare::of(&request) } else { None };
        let mut service = take_ready(&mut self.inner);
        let answer = service.call(request);
        let exchange = Exchange {
            service,
            again,
            attempts: 1,
            is_repeatable,
            deadline,
            policy: Arc::clone(&self.policy),
        };
        ResponseFuture::new(exchange, answer)
    }
}
