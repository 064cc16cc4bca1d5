//! The contract of Tower services, over a probe.

use std::future::{Ready, pending, ready};

use tokio::time::Instant;

use super::*;
use crate::support::probe::Probe;

type Inner = Probe<fn(Request<()>) -> Ready<Result<Answer, Infallible>>, Infallible>;

fn probe() -> Inner {
    Probe::new(|_| ready(Ok(answer(200, "inner"))))
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_never_cloned() {
    let (layer, _clock) = two();
    let probe = probe().pending(2);
    let watch = probe.watch();
    let mut service = layer.layer(probe);
    for number in 1..=2 {
        service.ready().await.unwrap().call(of("a")).await.unwrap();
        assert_eq!((watch.calls(), watch.clones()), (number, 0));
    }
    let refused = service.ready().await.unwrap().call(of("a")).await.unwrap();
    assert_eq!((refused.status().as_u16(), watch.calls(), watch.finished()), (429, 2, 2));
}

#[tokio::test]
async fn a_clone_waits_for_readiness_of_its_own() {
    let (layer, _clock) = two();
    let probe = probe().held();
    let watch = probe.watch();
    let mut service = layer.layer(probe);
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    clone.ready().await.unwrap().call(of("a")).await.unwrap();
    assert_eq!((watch.clones(), watch.calls()), (1, 1));
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let (layer, _clock) = two();
    let probe = Probe::new(async |_: Request<()>| Ok::<_, &str>(answer(200, ""))).refusing(|| "broken");
    assert_eq!(layer.layer(probe).ready().await.err(), Some("broken"));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside() {
    let (layer, _clock) = two();
    let probe = Probe::new(async |_: Request<()>| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let mut service = layer.layer(probe);
    let mut answer = Box::pin(service.ready().await.unwrap().call(of("a")));
    assert!((&mut answer).now_or_never().is_none());
    drop(answer);
    assert_eq!((watch.in_flight(), watch.cancelled()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_their_turn_with_the_ready_instance_in_hand() {
    let (limiter, _clock) = stopped([Quota::per_second(2)]);
    let layer = RateLimitLayer::new(limiter, who).wait_up_to(Duration::from_secs(1));
    let probe = probe();
    let watch = probe.watch();
    let mut service = layer.layer(probe);
    let start = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(service.ready().await.unwrap().call(of("a")));
    }
    assert_eq!((watch.calls(), watch.clones()), (2, 2), "two were called, two took an instance along");
    let mut replies = Vec::new();
    for answer in answers {
        replies.push((answer.await.unwrap().status().as_u16(), start.elapsed().as_millis()));
    }
    assert_eq!(replies, [(200, 0), (200, 0), (200, 500), (200, 1000), (429, 1000)]);
    assert_eq!(watch.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_waiting_gives_his_place_back() {
    let (limiter, _clock) = stopped([Quota::per_minute(1)]);
    let layer = RateLimitLayer::new(limiter.clone(), who).wait_up_to(Duration::from_secs(60));
    let probe = probe();
    let watch = probe.watch();
    let mut service = layer.layer(probe);
    service.ready().await.unwrap().call(of("a")).await.unwrap();
    let mut waiting = Box::pin(service.ready().await.unwrap().call(of("a")));
    assert!((&mut waiting).now_or_never().is_none());
    let key = Key::new().bytes(b"a");
    let owed = || limiter.inspect(&key).standing().unwrap().reset_after.as_secs();
    assert_eq!(owed(), 120);
    drop(waiting);
    assert_eq!((owed(), watch.calls()), (60, 1));
}
