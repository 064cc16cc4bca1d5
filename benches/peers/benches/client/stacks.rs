//! The stack of a resilient client, in the documented order, and tower's own of the same purpose, over the same ready service.

use std::future::{Ready, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use integridai_tower::CorrelationId;
use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::retry::RetryLayer;
use integridai_tower::correlation::{Correlation, PropagateLayer};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::retry::budget::{Budget, TpsBudget};
use tower::timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder};

pub(crate) type Sent = Request<Full<Bytes>>;
pub(crate) type Answer = Response<Full<Bytes>>;

const ID: &str = "01936ab0-6a5c-7d6e-8f00-0123456789ab";

/// Answers at once.
#[derive(Clone)]
pub(crate) struct Echo;

impl Service<Sent> for Echo {
    type Response = Answer;
    type Error = io::Error;
    type Future = Ready<io::Result<Answer>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Sent) -> Self::Future {
        ready(Ok(Response::new(request.into_body())))
    }
}

/// As a typed client makes it, without an id: our stack has that from what is current.
pub(crate) fn without_id() -> Sent {
    let mut request = Request::get("http://service.test/thing").body(Full::from("{}")).expect("a request");
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

/// The same as it leaves our stack's correlation layer: tower has none.
pub(crate) fn with_id() -> Sent {
    let mut request = without_id();
    request
        .headers_mut()
        .insert(CorrelationId::HEADER, HeaderValue::from_bytes(ID.as_bytes()).expect("an id"));
    request
}

/// What our stack's calls are part of.
pub(crate) fn correlation() -> Correlation {
    Correlation::new(ID.parse().expect("an id"))
}

/// Deadline, correlation, retry, breaker, a deadline for each attempt, limit.
pub(crate) fn ours(
    limit: &LimitOptions,
) -> impl Service<Sent, Response: Sized, Error: std::error::Error, Future: Send> + Clone + Send + 'static {
    let circuit = CircuitOptions::new().build("service").expect("it can work");
    ServiceBuilder::new()
        .layer(DeadlineLayer::new(Duration::from_secs(2)).without_fields())
        .layer(PropagateLayer::new())
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::new(circuit))
        .layer(DeadlineLayer::new(Duration::from_secs(1)))
        .layer(ConcurrencyLimitLayer::new(limit.build("service").expect("it can work")))
        .service(Echo)
}

/// Timeout, retry on a budget, limit.
pub(crate) fn towers()
-> impl Service<Sent, Response = Answer, Error = tower::BoxError, Future: Send> + Clone + Send + 'static {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(2)))
        .layer(tower::retry::RetryLayer::new(OnBudget(Arc::default())))
        .layer(GlobalConcurrencyLimitLayer::new(100))
        .service(Echo)
}

/// Repeats errors and 5xx on a budget, as ours does.
#[derive(Clone)]
pub(crate) struct OnBudget(pub(crate) Arc<TpsBudget>);

impl<E> tower::retry::Policy<Sent, Answer, E> for OnBudget {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Sent, result: &mut Result<Answer, E>) -> Option<Self::Future> {
        if result.as_ref().is_ok_and(|response| !response.status().is_server_error()) {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Sent) -> Option<Sent> {
        Some(request.clone())
    }
}

/// One call that is ready and answered at once.
pub(crate) fn ask<S: Service<Sent>>(service: &mut S, request: Sent) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "it is always ready");
    let answer = pin!(service.call(request));
    assert!(std::hint::black_box(answer.poll(&mut context)).is_ready());
}
