//! Who waits, for how long, and what becomes of a place that is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;

use super::*;

const MS: Duration = Duration::from_millis(1);

type Acquired = tokio::task::JoinHandle<Result<&'static str, Cause>>;

/// Waits for its turn in a task of its own, which has come to its place in line when this returns.
async fn waiting(
    limit: &ConcurrencyLimit,
    priority: Priority,
    deadline: Option<Deadline>,
    name: &'static str,
) -> Acquired {
    let limit = limit.clone();
    let task = tokio::spawn(async move {
        let permit = limit.acquire(priority, deadline).await.map_err(|overloaded| overloaded.cause)?;
        permit.end(Outcome::Success);
        Ok(name)
    });
    tokio::task::yield_now().await;
    task
}

#[tokio::test(start_paused = true)]
async fn the_most_urgent_is_served_first_and_the_least_urgent_is_shed_first() {
    let limit = limit(1, 3);
    let held = limit.acquire(Priority::Normal, None).await.unwrap();
    let first_low = waiting(&limit, Priority::Low, None, "first low").await;
    let second_low = waiting(&limit, Priority::Low, None, "second low").await;
    let high = waiting(&limit, Priority::High, None, "high").await;
    assert_eq!(limit.snapshot().queued_by_priority, [2, 0, 1]);
    let third_low = waiting(&limit, Priority::Low, None, "third low").await;
    assert_eq!(third_low.await.unwrap(), Err(Cause::QueueFull));
    let normal = waiting(&limit, Priority::Normal, None, "normal").await;
    assert_eq!(second_low.await.unwrap(), Err(Cause::Displaced));
    let other_high = waiting(&limit, Priority::High, None, "other high").await;
    assert_eq!(first_low.await.unwrap(), Err(Cause::Displaced));
    held.end(Outcome::Success);
    let mut order = JoinSet::new();
    for task in [normal, other_high, high] {
        order.spawn(task);
    }
    let mut served = Vec::new();
    while let Some(name) = order.join_next().await {
        served.push(name.unwrap().unwrap().unwrap());
    }
    assert_eq!(served, ["high", "other high", "normal"]);
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().shed), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_allowed_nor_beyond_his_deadline() {
    let limit = limit(1, 10);
    let _held = limit.acquire(Priority::Normal, None).await.unwrap();
    for (deadline, waits, cause) in [
        (None, 1000, Cause::WaitedTooLong),
        (Some(5000), 1000, Cause::WaitedTooLong),
        (Some(300), 300, Cause::DeadlinePassed),
        (Some(0), 0, Cause::DeadlinePassed),
    ] {
        let began = tokio::time::Instant::now();
        let deadline = deadline.map(|milliseconds| Deadline::after(Duration::from_millis(milliseconds)));
        assert_eq!(limit.acquire(Priority::High, deadline).await.unwrap_err().cause, cause);
        // tokio's timers are exact to the millisecond.
        assert!(began.elapsed().abs_diff(Duration::from_millis(waits)) <= Duration::from_millis(1));
        assert_eq!(limit.snapshot().queued, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_a_turn_that_would_end_after_his_deadline() {
    let limit = limit(1, 10);
    let held = limit.acquire(Priority::Normal, None).await.unwrap();
    tokio::time::advance(Duration::from_millis(100)).await;
    held.end(Outcome::Success);
    let _held = limit.acquire(Priority::Normal, None).await.unwrap();
    let began = tokio::time::Instant::now();
    let deadline = Some(Deadline::after(Duration::from_millis(400)));
    let refused = limit.acquire(Priority::Normal, deadline).await.unwrap_err();
    assert_eq!(refused.cause, Cause::DeadlinePassed);
    // A call takes 100 ms, and half as long again is nothing unusual.
    assert!(began.elapsed().abs_diff(Duration::from_millis(250)) <= Duration::from_millis(1));
    let deadline = Some(Deadline::after(Duration::from_millis(50)));
    let refused = limit.acquire(Priority::Normal, deadline).await.unwrap_err();
    assert_eq!((refused.cause, limit.snapshot().queued), (Cause::DeadlinePassed, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_leaves_no_place_and_no_permit_behind() {
    let limit = limit(1, 2);
    let service = ConcurrencyLimitLayer::new(limit.clone()).layer(service_fn(slow));
    let call = || Box::pin(service.clone().oneshot(request()));
    let (mut running, mut waiting, mut last) = (call(), call(), call());
    for call in [&mut running, &mut waiting, &mut last] {
        assert!(call.now_or_never().is_none());
    }
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().queued), (1, 2));
    drop(waiting);
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().queued), (1, 1));
    // Its turn comes, but nobody polls it any more.
    drop(running);
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().queued), (1, 0));
    drop(last);
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().admitted), (0, 1));
    assert_eq!(call().await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_grows_lets_in_all_who_fit() {
    let options = LimitOptions::adaptive().initial(2).smoothing(1.0).queue_allowance(8).window(10 * MS, 1);
    let limit = options.build("library").unwrap();
    let [first, second] =
        [limit.acquire(Priority::Normal, None).await, limit.acquire(Priority::Normal, None).await];
    let service = ConcurrencyLimitLayer::new(limit.clone()).layer(service_fn(slow));
    let mut calls: Vec<_> = (0..20).map(|_| service.clone().oneshot(request()).boxed()).collect();
    calls.iter_mut().for_each(|call| assert!(call.now_or_never().is_none()));
    first.unwrap().end(Outcome::Success);
    tokio::time::advance(10 * MS).await;
    second.unwrap().end(Outcome::Success);
    let snapshot = limit.snapshot();
    assert_eq!((snapshot.limit, snapshot.in_flight, snapshot.queued), (10, 10, 10));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_takes_goes_to_the_next() {
    let limit = limit(1, 2);
    let held = limit.acquire(Priority::Normal, None).await.unwrap();
    let mut gone = Box::pin(limit.acquire(Priority::High, None));
    assert!((&mut gone).now_or_never().is_none());
    let next = waiting(&limit, Priority::Low, None, "next").await;
    drop(held);
    drop(gone);
    assert_eq!(next.await.unwrap(), Ok("next"));
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().admitted), (0, 2));
}

#[test]
fn threads_that_come_leave_and_give_up_never_exceed_the_limit_and_leave_nothing_behind() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let limit = limit(3, 8);
    let inside = Arc::new(AtomicU32::new(0));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..16_usize {
            let (limit, inside) = (limit.clone(), Arc::clone(&inside));
            tasks.spawn(async move {
                for round in 0..500 {
                    let priority = Priority::ALL[(number + round) % 3];
                    let acquire = limit.acquire(priority, None);
                    if (number + round) % 5 == 0 {
                        // Comes to its place in line, and leaves it at once.
                        drop(acquire.now_or_never());
                        continue;
                    }
                    let Ok(permit) = acquire.await else { continue };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 3, "more than the limit");
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    let snapshot = limit.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.queued), (0, 0));
    assert!(snapshot.admitted > 0);
}
