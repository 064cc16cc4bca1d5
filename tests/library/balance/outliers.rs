//! Addresses that fail are left out for a while, and never all of them.

use integridai_tower::Priority;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use tower::Layer;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_address_that_keeps_failing_is_left_out_for_a_while() {
    let (replicas, balancer) = replicas(3, &BalanceOptions::new().failure_counts_as(Duration::ZERO));
    replicas[1].answers(503);
    replicas[1].takes(MS);
    ask(&balancer, 100).await;
    assert_eq!(calls(&replicas)[1], 5);
    let snapshot = balancer.snapshot();
    assert!(
        matches!(snapshot[1].state, AddressState::Ejected { for_time } if for_time > 28_000 * MS),
        "{snapshot:?}"
    );
    assert_eq!((snapshot[1].failures, snapshot[1].ejections), (5, 1));
    tokio::time::advance(30_000 * MS).await;
    assert_eq!(states(&balancer), [AddressState::Available; 3]);
    replicas[1].answers(200);
    assert_eq!(ask(&balancer, 100).await, [Ok(200); 100]);
    assert!(calls(&replicas)[1] > 20);
}

#[tokio::test(start_paused = true)]
async fn what_fails_everywhere_is_still_called_everywhere() {
    let (replicas, balancer) = replicas(4, &BalanceOptions::new().eject_at_most(1.0).panic_below(0.5));
    replicas.iter().for_each(|replica| replica.answers(500));
    ask(&balancer, 300).await;
    let ejected = balancer.snapshot().iter().filter(|address| address.ejections > 0).count();
    assert_eq!(ejected, 3, "the last one stays");
    calls(&replicas);
    ask(&balancer, 100).await;
    let calls = calls(&replicas);
    assert!(calls.iter().all(|calls| *calls > 5), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_share_is_ejected_and_the_rest_is_called() {
    let (replicas, balancer) = replicas(4, &BalanceOptions::new());
    replicas[..3].iter().for_each(|replica| replica.answers(500));
    ask(&balancer, 500).await;
    let ejected = states(&balancer).iter().filter(|state| **state != AddressState::Available).count();
    assert_eq!(ejected, 2);
    calls(&replicas);
    let answers = ask(&balancer, 100).await;
    let calls = calls(&replicas);
    assert!(calls[3] >= 90, "{calls:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(200)).count(), calls[3]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_late_are_failures_where_you_say_so() {
    let (replicas, balancer) =
        replicas(2, &BalanceOptions::new().given_up_after(1000 * MS).decay(100 * MS).consecutive_failures(3));
    replicas[1].takes(Duration::from_secs(3600));
    for _ in 0..1000 {
        let call = balancer.service().oneshot(request());
        drop(tokio::time::timeout(1000 * MS, call).await);
    }
    assert_eq!((calls(&replicas)[1] / 3) as u64, balancer.snapshot()[1].ejections, "{balancer:?}");
    assert!(balancer.snapshot()[1].ejections > 0);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_succeeds_less_often_than_the_others_is_left_out() {
    let options = BalanceOptions::new().no_consecutive_failures().load(Load::PendingRequests);
    let options = options.success_rate(5000 * MS, 50, 5, 1.9).failure_counts_as(Duration::ZERO);
    let (replicas, balancer) = replicas(5, &options);
    for round in 0..600 {
        replicas[4].answers(if round % 2 == 0 { 500 } else { 200 });
        ask(&balancer, 1).await;
    }
    let ejected: Vec<u64> = balancer.snapshot().iter().map(|address| address.ejections).collect();
    assert_eq!(ejected, [0, 0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_address_whose_limit_refuses_is_avoided_and_not_left_out() {
    let limits = [0, 1].map(|_| LimitOptions::fixed(1).max_queued(0).build("address").unwrap());
    let full = limits[0].acquire(Priority::Normal, None).await.unwrap();
    let make =
        move |index: &usize| ConcurrencyLimitLayer::new(limits[*index].clone()).layer(Replica::new(MS));
    let balancer = BalanceOptions::new().seed(1).build("library", [0, 1], make).unwrap();
    let mut refused = 0;
    for _ in 0..500 {
        refused += usize::from(balancer.service().oneshot(request()).await.is_err());
    }
    let snapshot = balancer.snapshot();
    assert!(refused <= 3 && snapshot[1].calls > 490, "{snapshot:?}");
    assert_eq!((snapshot[0].failures, snapshot[0].state), (0, AddressState::Available));
    drop(full);
}
