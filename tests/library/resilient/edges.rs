//! Times that are no times, and services that panic.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{HeaderValue, Response};
use integridai_tower::Deadline;
use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::balance::{AddressState, BalanceOptions};
use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer};
use integridai_tower::client::hedge::HedgeOptions;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::retry::RetryOptions;
use integridai_tower::client::transport::TransportError;
use tokio::time::sleep;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_time_without_an_end_is_one() {
    let slow = service_fn(async |request: Sent| {
        sleep(3600 * SECOND).await;
        Ok::<_, TransportError>(Response::new(request.into_body()))
    });
    let client = DeadlineLayer::new(Duration::MAX).layer(slow);
    let mut request = asking(Method::GET);
    request.extensions_mut().insert(Deadline::after(Duration::MAX));
    request.headers_mut().insert("x-request-deadline", u64::MAX.into());
    let answer = client.oneshot(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "question");
}

#[tokio::test(start_paused = true)]
async fn a_time_of_nothing_is_over() {
    let log = Log::default();
    let client = DeadlineLayer::new(Duration::ZERO).at_least(Duration::ZERO);
    let error =
        client.layer(scripted(&log, &[Script::Status(200)])).oneshot(asking(Method::GET)).await.unwrap_err();
    assert!(matches!(error, DeadlineError::TooLate(_)), "{error:?}");
    assert_eq!(log.count(), 0);
}

/// Panics when it is called, or when its answer is waited for, and answers all other calls.
fn brittle() -> impl Service<Sent, Response = Answer, Error = Failure, Future: Send> + Clone + Send + Sync {
    service_fn(|request: Sent| {
        assert!(!request.headers().contains_key("when-called"), "as it was told");
        async move {
            assert!(!request.headers().contains_key("when-waited-for"), "as it was told");
            Ok(answer(200, "well"))
        }
    })
}

#[tokio::test]
async fn a_service_that_panics_leaves_no_permit_taken_and_no_call_under_way() {
    let limit = LimitOptions::fixed(1).max_queued(0).build("brittle").unwrap();
    let balancer = BalanceOptions::new().build("brittle", 0..2, |_| brittle()).unwrap();
    let circuit = CircuitOptions::new().build("brittle").unwrap();
    let client = ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND))
        .layer(RetryOptions::new().build().unwrap())
        .layer(HedgeOptions::new().build().unwrap())
        .layer(CircuitBreakerLayer::new(circuit.clone()))
        .layer(ConcurrencyLimitLayer::new(limit.clone()))
        .service(balancer.service());
    for moment in ["when-called", "when-waited-for"] {
        let mut request = asking(Method::GET);
        request.headers_mut().insert(moment, HeaderValue::from_static("panic"));
        let outcome = AssertUnwindSafe(client.clone().oneshot(request)).catch_unwind().await;
        assert!(outcome.is_err(), "{moment}: panics are the caller's");
        assert_eq!(limit.snapshot().in_flight, 0, "{moment}");
        assert!(balancer.snapshot().iter().all(|address| address.pending == 0), "{moment}");
        assert!(client.clone().oneshot(asking(Method::GET)).await.is_ok(), "{moment}");
    }
    assert_eq!(circuit.snapshot().counts.failures, 0, "nobody knows how the calls would have ended");
}

#[tokio::test]
async fn an_address_that_cannot_be_made_is_none() {
    let make = |address: &u16| {
        assert!(*address < 4, "as it was told");
        let status = if *address == 0 { 200 } else { 500 };
        service_fn(move |_: Sent| std::future::ready(Ok::<_, Failure>(answer(status, ""))))
    };
    let options = BalanceOptions::new().consecutive_failures(1).eject_at_most(0.5).panic_below(0.0);
    let balancer = options.build("partly", 0..3, make).unwrap();
    for _ in 0..3 {
        let update = AssertUnwindSafe(|| balancer.update([0, 1, 2, 3, 9]));
        assert!(std::panic::catch_unwind(update).is_err());
    }
    // Half of three is one, and half of six would be three.
    for _ in 0..60 {
        let _ = balancer.service().oneshot(asking(Method::GET)).await;
    }
    let ejected =
        balancer.snapshot().iter().filter(|address| address.state != AddressState::Available).count();
    assert_eq!(ejected, 1);
}
