//! The contract of Tower services, over a probe: the instance that is ready is called, and a dropped call leaves nothing.

use futures_util::FutureExt;
use integridai_tower::client::AttemptBudget;
use integridai_tower::client::deadline::{DeadlineLayer, ReadDeadlineLayer};
use integridai_tower::client::hedge::HedgeLayer;
use integridai_tower::client::retry::RetryOptions;
use tower::{Layer, ServiceExt};

use super::*;
use crate::support::probe::Probe;

fn retry() -> RetryOptions {
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    RetryOptions::new().backoff(Duration::ZERO, Duration::ZERO).budget(budget)
}

#[tokio::test(start_paused = true)]
async fn the_deadline_layers_call_the_ready_instance_and_never_clone_it() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Failure>(answer(200, ""))).pending(2);
    let watch = probe.watch();
    let mut service = ReadDeadlineLayer::new(SECOND).layer(DeadlineLayer::new(SECOND).layer(probe));
    for number in 1..=2 {
        service.ready().await.unwrap().call(asking(Method::GET)).await.unwrap();
        assert_eq!((watch.calls(), watch.clones(), watch.polls()), (number, 0, 3 * number));
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_made_by_an_instance_that_was_polled_ready_for_it() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Failure>(answer(500, ""))).pending(2);
    let watch = probe.watch();
    let mut service = retry().build().unwrap().layer(probe);
    for number in 1..=2 {
        service.ready().await.unwrap().call(asking(Method::GET)).await.unwrap();
        // Three attempts of three polls each.
        assert_eq!((watch.calls(), watch.polls(), watch.clones()), (3 * number, 9 * number, number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_is_made_by_an_instance_that_was_polled_ready_for_it() {
    let probe = Probe::new(async |_: Sent| {
        tokio::time::sleep(milliseconds(150)).await;
        Ok::<_, Failure>(answer(200, ""))
    });
    let watch = probe.watch();
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    let layer = integridai_tower::client::hedge::HedgeOptions::new().budget(budget).build().unwrap();
    let mut service = layer.layer(probe.pending(2));
    service.ready().await.unwrap().call(asking(Method::GET)).await.unwrap();
    assert_eq!((watch.calls(), watch.polls(), watch.clones()), (2, 6, 1));
    service.ready().await.unwrap().call(asking(Method::POST)).await.unwrap();
    assert_eq!(
        (watch.calls(), watch.polls(), watch.clones()),
        (3, 9, 1),
        "what has one attempt is called at once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clone_waits_for_readiness_of_its_own() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Failure>(answer(200, ""))).held();
    let watch = probe.watch();
    let mut service =
        HedgeLayer::default().layer(retry().build().unwrap().layer(DeadlineLayer::new(SECOND).layer(probe)));
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    clone.ready().await.unwrap().call(asking(Method::POST)).await.unwrap();
    assert_eq!(watch.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let broken =
        || Probe::new(async |_: Sent| Ok::<_, Failure>(answer(200, ""))).refusing(|| Failure::Unknown);
    assert!(
        matches!(DeadlineLayer::new(SECOND).layer(broken()).ready().await.err(), Some(error) if error.to_string() == "it failed")
    );
    assert!(matches!(
        ReadDeadlineLayer::new(SECOND).layer(broken()).ready().await.err(),
        Some(Failure::Unknown)
    ));
    assert!(matches!(retry().build().unwrap().layer(broken()).ready().await.err(), Some(Failure::Unknown)));
    assert!(matches!(HedgeLayer::default().layer(broken()).ready().await.err(), Some(Failure::Unknown)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaves_nothing_in_an_attempt_or_in_a_pause() {
    let probe = Probe::new(async |_: Sent| pending::<Result<Answer, Failure>>().await);
    let watch = probe.watch();
    let service = retry().build().unwrap().layer(DeadlineLayer::new(SECOND * 9).layer(probe));
    let mut call = Box::pin(service.oneshot(asking(Method::GET)));
    assert!(tokio::time::timeout(SECOND, &mut call).await.is_err());
    assert_eq!(watch.in_flight(), 1);
    drop(call);
    assert_eq!((watch.cancelled(), watch.in_flight()), (1, 0));

    let probe = Probe::new(async |_: Sent| Ok::<_, Failure>(asking_for_patience(503, "20")));
    let watch = probe.watch();
    let mut call = Box::pin(retry().build().unwrap().layer(probe).oneshot(asking(Method::GET)));
    assert!(tokio::time::timeout(SECOND, &mut call).await.is_err());
    drop(call);
    tokio::time::advance(SECOND * 60).await;
    assert_eq!((watch.calls(), watch.in_flight()), (1, 0));
}
