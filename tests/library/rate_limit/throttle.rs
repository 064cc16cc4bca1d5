//! Calls that go out.

use std::future::{Ready, ready};

use integridai_tower::rate_limit::{ThrottleError, ThrottleLayer};
use tokio::time::Instant;

use super::*;
use crate::support::probe::Probe;

fn key(_: &u32) -> Key {
    Key::new()
}

type Doubled = Ready<Result<u32, &'static str>>;

fn double() -> Probe<fn(u32) -> Doubled, &'static str> {
    Probe::new(|number| ready(if number == 13 { Err("unlucky") } else { Ok(2 * number) }))
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_their_turn_up_to_the_bound() {
    let (limiter, _clock) = stopped([Quota::per_second(10).burst(1)]);
    let probe = double();
    let watch = probe.watch();
    let mut service = ThrottleLayer::new(limiter, key).wait_up_to(Duration::from_millis(250)).layer(probe);
    let start = Instant::now();
    let mut calls = Vec::new();
    for number in 0..4 {
        calls.push(service.ready().await.unwrap().call(number));
    }
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await);
    }
    assert_eq!(outcomes[..3], [Ok(0), Ok(2), Ok(4)]);
    assert!(matches!(outcomes[3], Err(ThrottleError::Limited(verdict)) if verdict.retry_after().is_some()));
    assert_eq!((watch.calls(), watch.finished()), (3, 3));
    assert_eq!(start.elapsed().as_millis(), 200);
}

#[tokio::test]
async fn an_error_of_the_service_passes() {
    let limiter = MemoryLimiter::new([Quota::per_second(10)]).unwrap();
    let service = ThrottleLayer::new(limiter, key).layer(double());
    let error = service.oneshot(13).await.unwrap_err();
    assert_eq!((error, error.to_string().as_str()), (ThrottleError::Inner("unlucky"), "unlucky"));
}

#[tokio::test]
async fn without_patience_nothing_is_sent_over_the_limit() {
    let (limiter, _clock) = stopped([Quota::per_hour(1)]);
    let probe = double();
    let watch = probe.watch();
    let mut service = ThrottleLayer::new(limiter, key).layer(probe);
    assert_eq!(service.ready().await.unwrap().call(1).await, Ok(2));
    let error = service.ready().await.unwrap().call(1).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), watch.calls()), ("the limit of outgoing calls is reached", 1));
}
