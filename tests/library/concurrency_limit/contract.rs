//! The contract of Tower services, over a probe.

use std::future::{Ready, pending, ready};

use super::*;
use crate::endpoint::Broken;
use crate::support::probe::Probe;

type Inner = Probe<fn(Request<()>) -> Ready<Result<Answer, Infallible>>, Infallible>;

fn probe() -> Inner {
    Probe::new(|_: Request<()>| ready(Ok(answer(200, ""))))
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_not_cloned_where_there_is_room() {
    let probe = probe().pending(2);
    let watch = probe.watch();
    let limit = limit(1, 1);
    let door = ConcurrencyLimitDoorLayer::new(limit.clone()).layer(probe);
    let mut service = ConcurrencyLimitLayer::new(LimitOptions::fixed(1).build("outer").unwrap()).layer(door);
    for number in 1..=2 {
        service.ready().await.unwrap().call(request()).await.unwrap();
        assert_eq!((watch.calls(), watch.clones(), watch.polls()), (number, 0, 3 * number));
    }
}

#[tokio::test]
async fn a_call_that_waits_takes_the_ready_instance_along() {
    let probe = probe().pending(1);
    let watch = probe.watch();
    let limit = limit(1, 1);
    let permit = limit.acquire(Priority::Normal, None).await.unwrap();
    let mut service = ConcurrencyLimitLayer::new(limit.clone()).layer(probe);
    let mut answer = Box::pin(service.ready().await.unwrap().call(request()));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!((watch.calls(), watch.clones()), (0, 1));
    permit.end(Outcome::Success);
    answer.await.unwrap();
    assert_eq!((watch.calls(), watch.clones(), watch.polls()), (1, 1, 2));
    assert!(service.ready().now_or_never().is_none(), "the clone that stayed is polled anew");
}

#[tokio::test]
async fn a_refused_call_does_not_reach_the_service() {
    let probe = probe();
    let watch = probe.watch();
    let limit = limit(1, 0);
    let _permit = limit.acquire(Priority::Normal, None).await.unwrap();
    let mut service = ConcurrencyLimitDoorLayer::new(limit).layer(probe);
    assert_eq!(service.ready().await.unwrap().call(request()).await.unwrap().status(), 503);
    assert_eq!(watch.calls(), 0);
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let broken = || Probe::new(async |_: Request<()>| Ok::<_, Broken>(answer(200, ""))).refusing(|| Broken);
    let mut client = ConcurrencyLimitLayer::new(limit(1, 0)).layer(broken());
    assert_eq!(client.ready().await.err(), Some(OverloadedError::Inner(Broken)));
    let mut door = ConcurrencyLimitDoorLayer::new(limit(1, 0)).layer(broken());
    assert_eq!(door.ready().await.err(), Some(Broken));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside_and_gives_its_permit_back() {
    let probe = Probe::new(async |_: Request<()>| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let limit = limit(1, 0);
    let mut service = ConcurrencyLimitLayer::new(limit.clone()).layer(probe);
    let mut answer = Box::pin(service.ready().await.unwrap().call(request()));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!((watch.in_flight(), limit.snapshot().in_flight), (1, 1));
    drop(answer);
    assert_eq!((watch.cancelled(), limit.snapshot().in_flight), (1, 0));
}
