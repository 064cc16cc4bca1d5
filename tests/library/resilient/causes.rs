//! What is known of an error that layers have put others around.

use integridai_tower::circuit_breaker::{
    CircuitBreakerError, CircuitBreakerLayer, CircuitOptions, Classify, ClassifyHttp, State,
};
use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer};
use integridai_tower::client::hedge::HedgeLayer;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::{AttemptOutcome, ErrorKind, Retry, ServiceClient};
use integridai_tower::rate_limit::{Key, MemoryLimiter, Quota, ThrottleError, ThrottleLayer};
use integridai_tower::{Deadline, Refused};
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::*;
use crate::endpoint::post;

/// How calls end that go through every layer there is whose errors are around those of the transport.
async fn ends(script: Script, quota: u32) -> Vec<(ErrorKind, Retry)> {
    let limiter = MemoryLimiter::new([Quota::per_day(quota)]).unwrap();
    let circuit = CircuitOptions::new().consecutive_failures(2).build("upstream").unwrap();
    let service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND * 9))
        .layer(HedgeLayer::default())
        .layer(CircuitBreakerLayer::new(circuit))
        .layer(ThrottleLayer::new(limiter, |_: &Sent| Key::from("upstream")))
        .layer(DeadlineLayer::new(SECOND))
        .service(scripted(&Log::default(), &[script]));
    let client = ServiceClient::new("service", "http://host", service).unwrap();
    let mut ends = Vec::new();
    for _ in 0..3 {
        let error = client.call(post()).send().await.unwrap_err();
        ends.push((error.kind().clone(), error.retry()));
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn a_typed_client_sees_through_the_layers_below_it() {
    let timed_out = ErrorKind::TimedOut { after: SECOND };
    for (script, expected) in [
        (Script::Error(Kind::Connect), (ErrorKind::Connect, Retry::Yes)),
        (Script::Error(Kind::Exchange), (ErrorKind::Broken, Retry::No)),
        (Script::Error(Kind::Unknown), (ErrorKind::Broken, Retry::No)),
        (Script::Hang, (timed_out, Retry::No)),
    ] {
        let open = (ErrorKind::NotReady, Retry::Yes);
        assert_eq!(
            ends(script, 9).await,
            [expected.clone(), expected, open],
            "the third finds the circuit open"
        );
    }
    let invalid = (ErrorKind::InvalidRequest, Retry::No);
    let expected = [invalid.clone(), invalid.clone(), invalid];
    assert_eq!(ends(Script::Error(Kind::Invalid), 9).await, expected, "it says nothing about the service");
    let throttled = ends(Script::Error(Kind::Connect), 1).await;
    assert_eq!(throttled[1], (ErrorKind::NotReady, Retry::Yes));
}

#[tokio::test(start_paused = true)]
async fn errors_lead_to_what_caused_them() {
    let circuit = CircuitOptions::new().build("upstream").unwrap();
    circuit.force_open();
    let service = DeadlineLayer::new(SECOND)
        .layer(CircuitBreakerLayer::new(circuit).layer(scripted(&Log::default(), &[Script::Hang])));
    let error = service.oneshot(asking(Method::GET)).await.unwrap_err();
    assert!(matches!(error, DeadlineError::Inner(CircuitBreakerError::Open(_))));
    assert_eq!(AttemptOutcome::of_error(&error), AttemptOutcome::Final);
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    assert_eq!(texts[1..], ["the circuit is open", "refused by circuit_breaker: open"]);

    let limiter = MemoryLimiter::new([Quota::per_day(1)]).unwrap();
    let throttle = ThrottleLayer::new(limiter, |_: &Sent| Key::from("upstream"));
    let service = throttle.layer(scripted(&Log::default(), &[Script::Error(Kind::Connect)]));
    let error = service.clone().oneshot(asking(Method::GET)).await.unwrap_err();
    assert_eq!(AttemptOutcome::of_error(&error), AttemptOutcome::Unprocessed { retry_after: None });
    let error = service.oneshot(asking(Method::GET)).await.unwrap_err();
    assert!(matches!(error, ThrottleError::Limited(_)));
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Refused>());
    assert_eq!(source, Some(&Refused { layer: "rate_limit", reason: "over_quota" }));
}

/// How a circuit stands that opens at the second failure, after four calls that end in this error.
async fn circuit_after<S>(service: S) -> (State, u64)
where
    S: Service<Sent, Response: Send, Error: std::error::Error + 'static> + Clone,
    ClassifyHttp: Classify<S::Response, S::Error>,
{
    let circuit = CircuitOptions::new().consecutive_failures(2).build("upstream").unwrap();
    let service = CircuitBreakerLayer::new(circuit.clone()).layer(service);
    for _ in 0..4 {
        let mut request = asking(Method::GET);
        request.extensions_mut().insert(Deadline::after(milliseconds(5)));
        assert!(service.clone().oneshot(request).await.is_err());
    }
    (circuit.state(), circuit.snapshot().counts.calls)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_does_not_open_for_what_was_never_sent() {
    let log = Log::default();
    let service = || scripted(&log, &[Script::Error(Kind::Exchange)]);
    let late = DeadlineLayer::new(SECOND).at_least(milliseconds(10)).layer(service());
    assert_eq!(circuit_after(late).await, (State::Closed, 0));

    let limit = LimitOptions::fixed(1).max_queued(0).build("upstream").unwrap();
    let hanging = ConcurrencyLimitLayer::new(limit).layer(scripted(&Log::default(), &[Script::Hang]));
    let mut first = Box::pin(hanging.clone().oneshot(asking(Method::GET)));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert_eq!(circuit_after(hanging).await, (State::Closed, 0));

    let inner = CircuitOptions::new().build("inner").unwrap();
    inner.force_open();
    assert_eq!(circuit_after(CircuitBreakerLayer::new(inner).layer(service())).await, (State::Closed, 0));
    assert_eq!(log.count(), 0);

    // What was sent counts, and so does what was not answered in time.
    assert_eq!(circuit_after(service()).await.0, State::Open);
    let hanging = DeadlineLayer::new(milliseconds(5)).layer(scripted(&Log::default(), &[Script::Hang]));
    assert_eq!(circuit_after(hanging).await.0, State::Open);
}
