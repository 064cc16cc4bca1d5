//! Addresses that come, go, fall ill and recover.

use super::*;

#[tokio::test(start_paused = true)]
async fn addresses_change_while_calls_are_under_way() {
    let (replicas, balancer) = replicas(4, &BalanceOptions::new());
    balancer.update([0, 1]).unwrap();
    ask(&balancer, 20).await;
    let before = balancer.snapshot();
    assert_eq!(calls(&replicas)[2..], [0, 0]);
    let mut under_way: Vec<_> = (0..4).map(|_| balancer.service().oneshot(request()).boxed()).collect();
    under_way.iter_mut().for_each(|call| assert!(call.now_or_never().is_none()));
    balancer.update([3, 1, 3, 2]).unwrap();
    for call in under_way {
        assert_eq!(call.await.unwrap().status(), 200, "it ends as it would have");
    }
    calls(&replicas);
    ask(&balancer, 100).await;
    let calls = calls(&replicas);
    assert!(calls[0] == 0 && calls[1..].iter().all(|calls| *calls > 10), "{calls:?}");
    let after = balancer.snapshot();
    assert_eq!(after.iter().map(|address| address.address).collect::<Vec<_>>(), [3, 1, 2]);
    assert!(after[1].calls > before[1].calls, "what was known is kept: {after:?}");
    assert!(after.iter().all(|address| address.pending == 0));
}

#[tokio::test(start_paused = true)]
async fn a_set_without_addresses_changes_nothing() {
    let (_, balancer) = replicas(2, &BalanceOptions::new());
    assert_eq!(balancer.update([]).unwrap_err().setting(), "addresses");
    assert_eq!(ask(&balancer, 1).await, [Ok(200)]);
    assert_eq!(balancer.snapshot().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_fails_its_checks_gets_no_calls_until_they_succeed_again() {
    let (replicas, balancer) = replicas(3, &BalanceOptions::new());
    let options = HealthOptions::new().interval(1000 * MS).timeout(100 * MS).rise(2).fall(3).jitter(0.0);
    let checks = tokio::spawn(balancer.check_health(options, |_| request()).unwrap());
    let after_checks = async |count: u32| tokio::time::sleep(count * 1000 * MS).await;
    tokio::time::sleep(500 * MS).await;
    assert_eq!(calls(&replicas), [1; 3], "at once, and one at a time");
    replicas[0].answers(500);
    replicas[1].takes(200 * MS);
    after_checks(2).await;
    assert_eq!(states(&balancer), [AddressState::Available; 3]);
    after_checks(1).await;
    let ill = [AddressState::Unhealthy, AddressState::Unhealthy, AddressState::Available];
    assert_eq!(states(&balancer), ill);
    calls(&replicas);
    let answers = async { ask(&balancer, 20).await };
    assert_eq!(answers.await, [Ok(200); 20]);
    assert_eq!(calls(&replicas)[..2], [0, 0]);
    replicas[0].answers(204);
    after_checks(1).await;
    assert_eq!(states(&balancer), ill);
    after_checks(1).await;
    assert_eq!(states(&balancer)[0], AddressState::Available);
    assert!(balancer.snapshot().iter().all(|address| address.failures == 0 && address.pending == 0));
    checks.abort();
}

#[tokio::test(start_paused = true)]
async fn checks_follow_the_addresses_and_end_with_the_balancer() {
    let (replicas, balancer) = replicas(3, &BalanceOptions::new());
    balancer.update([0]).unwrap();
    let options = HealthOptions::new().interval(1000 * MS).timeout(100 * MS).jitter(0.0);
    let checks = tokio::spawn(balancer.check_health(options, |_| request()).unwrap());
    tokio::time::sleep(500 * MS).await;
    assert_eq!(calls(&replicas), [1, 0, 0]);
    balancer.update([1, 2]).unwrap();
    tokio::time::sleep(1000 * MS).await;
    assert_eq!(calls(&replicas), [0, 1, 1]);
    drop(balancer);
    checks.await.unwrap();
    assert_eq!(calls(&replicas), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_unhealthy_all_are_called() {
    let (replicas, balancer) = replicas(2, &BalanceOptions::new().panic_below(0.0));
    replicas.iter().for_each(|replica| replica.answers(500));
    let options = HealthOptions::new().interval(1000 * MS).timeout(100 * MS).fall(1).jitter(0.0);
    let checks = tokio::spawn(balancer.check_health(options, |_| request()).unwrap());
    tokio::time::sleep(500 * MS).await;
    assert_eq!(states(&balancer), [AddressState::Unhealthy; 2]);
    assert_eq!(ask(&balancer, 10).await, [Ok(500); 10]);
    checks.abort();
}

#[test]
fn threads_that_call_while_addresses_change_leave_nothing_under_way() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let (replicas, balancer) = replicas(6, &BalanceOptions::new());
        replicas.iter().for_each(|replica| replica.takes(Duration::ZERO));
        replicas[0].answers(500);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let balancer = balancer.clone();
            tasks.spawn(async move {
                for _ in 0..300 {
                    assert!(balancer.service().oneshot(request()).await.is_ok());
                }
            });
        }
        for round in 0..100 {
            balancer.update([round % 6, (round + 1) % 6, (round + 2) % 6]).unwrap();
            tokio::task::yield_now().await;
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let snapshot = balancer.snapshot();
        assert!(snapshot.len() == 3 && snapshot.iter().all(|address| address.pending == 0), "{snapshot:?}");
        assert_eq!(calls(&replicas).iter().sum::<usize>(), 2400);
    });
}
