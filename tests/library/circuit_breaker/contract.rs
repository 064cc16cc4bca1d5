//! The contract of Tower services, over a probe.

use std::fmt;
use std::future::{Ready, pending, ready};

use futures_util::FutureExt;

use super::*;
use crate::support::probe::Probe;

type Inner = Probe<fn(Request<()>) -> Ready<Result<Answer, Infallible>>, Infallible>;

fn probe() -> Inner {
    Probe::new(|request: Request<()>| ready(Ok(answer(request.uri().query().unwrap().parse().unwrap(), ""))))
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_never_cloned() {
    let (circuit, _clock) = circuit();
    let probe = probe().pending(2);
    let watch = probe.watch();
    let layer = CircuitBreakerLayer::new(circuit.clone());
    let mut service = layer.layer(CircuitBreakerDoorLayer::new(circuit).layer(probe));
    for number in 1..=2 {
        service.ready().await.unwrap().call(asking(200)).await.unwrap();
        assert_eq!((watch.calls(), watch.clones(), watch.polls()), (number, 0, 3 * number));
    }
}

#[tokio::test]
async fn a_refused_call_does_not_reach_the_service() {
    let (circuit, _clock) = circuit();
    circuit.force_open();
    let probe = probe();
    let watch = probe.watch();
    let mut service = CircuitBreakerDoorLayer::new(circuit).layer(probe);
    assert_eq!(service.ready().await.unwrap().call(asking(200)).await.unwrap().status(), 503);
    assert_eq!(watch.calls(), 0);
}

#[tokio::test]
async fn a_clone_waits_for_readiness_of_its_own() {
    let (circuit, _clock) = circuit();
    let probe = probe().held();
    let watch = probe.watch();
    let mut service = CircuitBreakerLayer::new(circuit).layer(probe);
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    clone.ready().await.unwrap().call(asking(200)).await.unwrap();
    assert_eq!((watch.clones(), watch.calls()), (1, 1));
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let (circuit, _clock) = circuit();
    let broken =
        || Probe::new(async |_: Request<()>| Ok::<_, fmt::Error>(answer(200, ""))).refusing(|| fmt::Error);
    let mut client = CircuitBreakerLayer::new(circuit.clone()).layer(broken());
    assert_eq!(client.ready().await.err(), Some(CircuitBreakerError::Inner(fmt::Error)));
    let mut door = CircuitBreakerDoorLayer::new(circuit).layer(broken());
    assert_eq!(door.ready().await.err(), Some(fmt::Error));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside_and_gives_the_probe_back() {
    let (circuit, clock) = circuit();
    for _ in 0..2 {
        circuit.admit().unwrap().end(Outcome::FAILURE);
    }
    clock.advance(Duration::from_secs(10));
    let probe = Probe::new(async |_: Request<()>| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let mut service = CircuitBreakerLayer::new(circuit.clone()).layer(probe);
    let mut answer = Box::pin(service.ready().await.unwrap().call(asking(200)));
    assert!((&mut answer).now_or_never().is_none());
    assert!(circuit.admit().is_err(), "the only probe is under way");
    drop(answer);
    assert_eq!((watch.in_flight(), watch.cancelled(), circuit.state()), (0, 1, State::HalfOpen));
    assert!(circuit.admit().is_ok());
}
