//! In front of a service or a route.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response, StatusCode, request};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::choose::Choose;
use super::permit::Permit;
use super::{Circuit, CircuitOpen, Circuits, Classify, ClassifyHttp, State};
use crate::reject::refuse;
use crate::{EarlyBody, ProblemJson, Refusal, Reject};

impl Refusal for CircuitOpen {
    const LAYER: &'static str = "circuit_breaker";

    fn reason(&self) -> &'static str {
        match self.state {
            State::HalfOpen => "half_open",
            State::ForcedOpen => "forced_open",
            _ => "open",
        }
    }

    fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn detail(&self) -> Cow<'static, str> {
        "The service is not available at the moment; see Retry-After.".into()
    }

    /// Whole seconds, rounded up.
    fn add_headers(&self, headers: &mut HeaderMap) {
        let seconds = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.max(1).into());
    }
}

/// Answers 503 for a service or a route that keeps failing. See the [module docs](super).
#[must_use]
pub struct CircuitBreakerDoorLayer<C = ClassifyHttp> {
    choose: Choose<request::Parts>,
    classify: C,
    reject: Arc<dyn Reject<CircuitOpen>>,
}

impl CircuitBreakerDoorLayer {
    /// All requests go through this circuit.
    pub fn new(circuit: Circuit) -> Self {
        Self::choosing(Choose::One(circuit))
    }

    /// Each request goes through the circuit of its key. One for which there is no key goes through none.
    pub fn by(
        circuits: Circuits,
        key: impl Fn(&request::Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::choosing(Choose::ByKey(circuits, Arc::new(key)))
    }

    fn choosing(choose: Choose<request::Parts>) -> Self {
        Self { choose, classify: ClassifyHttp, reject: Arc::new(ProblemJson) }
    }
}

impl<C> CircuitBreakerDoorLayer<C> {
    /// Says what counts as a failure; [`ClassifyHttp`] unless told.
    pub fn classify<D>(self, classify: D) -> CircuitBreakerDoorLayer<D> {
        CircuitBreakerDoorLayer { choose: self.choose, classify, reject: self.reject }
    }

    /// Makes the response of a refusal; [`ProblemJson`] unless told.
    pub fn reject_with(mut self, reject: impl Reject<CircuitOpen> + 'static) -> Self {
        self.reject = Arc::new(reject);
        self
    }
}

impl<C: Clone> Clone for CircuitBreakerDoorLayer<C> {
    fn clone(&self) -> Self {
        let (classify, reject) = (self.classify.clone(), Arc::clone(&self.reject));
        Self { choose: self.choose.clone(), classify, reject }
    }
}

impl<C> fmt::Debug for CircuitBreakerDoorLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerDoorLayer").field("choose", &self.choose).finish_non_exhaustive()
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerDoorLayer<C> {
    type Service = CircuitBreakerDoor<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerDoor { inner, layer: self.clone() }
    }
}

/// The service of [`CircuitBreakerDoorLayer`].
#[derive(Debug)]
pub struct CircuitBreakerDoor<S, C> {
    inner: S,
    layer: CircuitBreakerDoorLayer<C>,
}

impl<S: Clone, C: Clone> Clone for CircuitBreakerDoor<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, C, RequestBody, ResponseBody> Service<Request<RequestBody>> for CircuitBreakerDoor<S, C>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    C: Classify<Response<ResponseBody>, S::Error> + Clone,
{
    type Response = Response<EarlyBody<ResponseBody>>;
    type Error = S::Error;
    type Future = DoorFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        let permit = match self.layer.choose.admit(&head) {
            Some(Err(refused)) => {
                let response = Some(refuse(&self.layer.reject, refused, &head));
                return DoorFuture { state: Passage::Refused { response } };
            }
            Some(Ok(permit)) => Some(permit),
            None => None,
        };
        let answer = self.inner.call(Request::from_parts(head, body));
        let classify = self.layer.classify.clone();
        DoorFuture { state: Passage::Called { answer, permit, classify } }
    }
}

pin_project! {
    /// The future of [`CircuitBreakerDoor`].
    #[must_use = "futures do nothing unless polled"]
    pub struct DoorFuture<F, C> {
        #[pin]
        state: Passage<F, C>,
    }
}

pin_project! {
    #[project = PassageProjection]
    enum Passage<F, C> {
        Called { #[pin] answer: F, permit: Option<Permit>, classify: C },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F, C, B, E> Future for DoorFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Classify<Response<B>, E>,
{
    type Output = Result<Response<EarlyBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            PassageProjection::Refused { response } => {
                let response = response.take().expect("a future is not polled after its completion");
                Ok(response.map(EarlyBody::early))
            }
            PassageProjection::Called { answer, permit, classify } => {
                let answer = ready!(answer.poll(context));
                if let Some(permit) = permit.take() {
                    permit.end(classify.classify(answer.as_ref()));
                }
                answer.map(|response| response.map(EarlyBody::inner))
            }
        })
    }
}

impl<F, C> fmt::Debug for DoorFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            Passage::Called { .. } => "Called",
            Passage::Refused { .. } => "Refused",
        };
        f.debug_tuple("DoorFuture").field(&state).finish()
    }
}
