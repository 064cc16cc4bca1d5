//! Around a client.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::choose::Choose;
use super::permit::Permit;
use super::{Circuit, CircuitBreakerError, CircuitOpen, Circuits, Classify, ClassifyHttp};

/// Refuses calls to a service that keeps failing, with an error of its own. See the [module docs](super).
#[must_use]
pub struct CircuitBreakerLayer<R, C = ClassifyHttp> {
    choose: Choose<R>,
    classify: C,
}

impl<R> CircuitBreakerLayer<R> {
    /// All calls go through this circuit.
    pub fn new(circuit: Circuit) -> Self {
        Self { choose: Choose::One(circuit), classify: ClassifyHttp }
    }

    /// Each call goes through the circuit of its key. One for which there is no key goes through none.
    pub fn by(circuits: Circuits, key: impl Fn(&R) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { choose: Choose::ByKey(circuits, Arc::new(key)), classify: ClassifyHttp }
    }
}

impl<R, C> CircuitBreakerLayer<R, C> {
    /// Says what counts as a failure; [`ClassifyHttp`] unless told. Each call takes a clone along.
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<R, D> {
        CircuitBreakerLayer { choose: self.choose, classify }
    }
}

impl<R, C: Clone> Clone for CircuitBreakerLayer<R, C> {
    fn clone(&self) -> Self {
        Self { choose: self.choose.clone(), classify: self.classify.clone() }
    }
}

impl<R, C> fmt::Debug for CircuitBreakerLayer<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer").field("choose", &self.choose).finish_non_exhaustive()
    }
}

impl<S, R, C: Clone> Layer<S> for CircuitBreakerLayer<R, C> {
    type Service = CircuitBreaker<S, R, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreaker { inner, layer: self.clone() }
    }
}

/// The service of [`CircuitBreakerLayer`].
#[derive(Debug)]
pub struct CircuitBreaker<S, R, C> {
    inner: S,
    layer: CircuitBreakerLayer<R, C>,
}

impl<S: Clone, R, C: Clone> Clone for CircuitBreaker<S, R, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, R, C> Service<R> for CircuitBreaker<S, R, C>
where
    S: Service<R>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = CircuitBreakerError<S::Error>;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(CircuitBreakerError::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.layer.choose.admit(&request) {
            Some(Err(refused)) => return ResponseFuture { state: State::Refused { refused } },
            Some(Ok(permit)) => Some(permit),
            None => None,
        };
        let answer = self.inner.call(request);
        ResponseFuture { state: State::Called { answer, permit, classify: self.layer.classify.clone() } }
    }
}

pin_project! {
    /// The future of [`CircuitBreaker`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C> {
        #[pin]
        state: State<F, C>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, C> {
        Called { #[pin] answer: F, permit: Option<Permit>, classify: C },
        Refused { refused: CircuitOpen },
    }
}

impl<F, C, R, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<R, E>>,
    C: Classify<R, E>,
{
    type Output = Result<R, CircuitBreakerError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Refused { refused } => Poll::Ready(Err(CircuitBreakerError::Open(*refused))),
            StateProjection::Called { answer, permit, classify } => {
                let answer = ready!(answer.poll(context));
                if let Some(permit) = permit.take() {
                    permit.end(classify.classify(answer.as_ref()));
                }
                Poll::Ready(answer.map_err(CircuitBreakerError::Inner))
            }
        }
    }
}

impl<F, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Called { .. } => "Called",
            State::Refused { .. } => "Refused",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
