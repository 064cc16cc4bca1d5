//! The contract of Tower services, over a probe at each address.

use std::future::{Ready, pending, ready};

use super::*;
use crate::endpoint::answer;
use crate::support::probe::{Probe, Watch};

type Inner = Probe<fn(Request<()>) -> Ready<Result<Answer, Broken>>, Broken>;

fn probe() -> Inner {
    Probe::new(|_: Request<()>| ready(Ok(answer(200, ""))))
}

fn over(probes: Vec<Inner>) -> (Vec<Watch>, Balancer<usize, Inner>) {
    let watches = probes.iter().map(Probe::watch).collect();
    let count = probes.len();
    let probes = std::sync::Mutex::new(probes);
    let make = move |_: &usize| probes.lock().unwrap().remove(0);
    (watches, BalanceOptions::new().seed(1).build("library", 0..count, make).unwrap())
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called() {
    let (watches, balancer) = over(vec![probe().pending(2), probe().pending(1)]);
    let mut service = balancer.service();
    for number in 1..=10 {
        service.ready().await.unwrap().call(request()).await.unwrap();
        assert_eq!(watches.iter().map(Watch::calls).sum::<usize>(), number);
    }
    let mut clone = service.clone();
    assert!(clone.ready().now_or_never().is_none(), "a clone is not ready");
    clone.ready().await.unwrap().call(request()).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_not_ready_is_not_waited_for_while_another_is() {
    let (watches, balancer) = over(vec![probe().held(), probe()]);
    for _ in 0..20 {
        let mut service = balancer.service();
        let ready = service.ready().now_or_never().expect("the other one is ready").unwrap();
        ready.call(request()).await.unwrap();
    }
    assert_eq!((watches[0].calls(), watches[1].calls()), (0, 20));
}

#[tokio::test]
async fn whoever_waits_for_all_is_woken_by_the_first_that_is_ready() {
    let (watches, balancer) = over(vec![probe().held(), probe().held()]);
    let mut service = balancer.service();
    let mut waiting = tokio::spawn(async move { service.ready().await.unwrap().call(request()).await });
    assert!(futures_util::poll!(&mut waiting).is_pending());
    tokio::task::yield_now().await;
    watches[1].release();
    waiting.await.unwrap().unwrap();
    assert_eq!((watches[0].calls(), watches[1].calls()), (0, 1));
}

#[tokio::test]
async fn whoever_waits_for_an_address_that_goes_is_given_one_that_comes() {
    let probes = std::sync::Mutex::new(vec![probe().held(), probe()]);
    let make = move |_: &usize| probes.lock().unwrap().remove(0);
    let balancer = BalanceOptions::new().build("library", [0], make).unwrap();
    let mut service = balancer.service();
    let waiting = tokio::spawn(async move { service.ready().await.unwrap().call(request()).await });
    tokio::task::yield_now().await;
    balancer.update([1]).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn an_address_that_cannot_become_ready_is_passed_over_and_fails_where_all_do() {
    let broken = || probe().refusing(|| Broken);
    let (watches, balancer) = over(vec![broken(), probe()]);
    for _ in 0..20 {
        balancer.service().oneshot(request()).await.unwrap();
    }
    assert_eq!(watches[1].calls(), 20);
    assert!(balancer.snapshot()[0].failures > 0, "that it is not ready is a failure of its own");
    let (_, balancer) = over(vec![broken(), broken()]);
    let mut service = balancer.service();
    for _ in 0..2 {
        assert_eq!(service.ready().await.err(), Some(Broken));
    }
}

#[tokio::test]
async fn an_address_that_failed_is_asked_again_when_the_one_that_was_waited_for_goes() {
    let (_, balancer) = over(vec![probe().refusing(|| Broken), probe().held()]);
    let mut service = balancer.service();
    let waiting = tokio::spawn(async move { service.ready().await.err() });
    tokio::task::yield_now().await;
    balancer.update([0]).unwrap();
    assert_eq!(waiting.await.unwrap(), Some(Broken));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside_and_no_longer_under_way() {
    let probe = Probe::new(async |_: Request<()>| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let balancer = BalanceOptions::new().build("library", [0], move |_| probe.clone()).unwrap();
    let mut service = balancer.service();
    let mut answer = Box::pin(service.ready().await.unwrap().call(request()));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!((watch.in_flight(), balancer.snapshot()[0].pending), (1, 1));
    drop(answer);
    assert_eq!((watch.cancelled(), balancer.snapshot()[0].pending), (1, 0));
}

#[tokio::test]
#[should_panic(expected = "a service is polled ready before it is called")]
async fn a_call_that_was_not_polled_ready_is_a_mistake() {
    let (_, balancer) = over(vec![probe()]);
    drop(balancer.service().call(request()));
}
