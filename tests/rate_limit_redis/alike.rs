//! The limiter in memory, the one in Redis and a reference say the same.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use integridai_tower::Clock;
use integridai_tower::rate_limit::redis::RedisLimiterOptions;
use integridai_tower::rate_limit::{Ask, Key, MemoryLimiterOptions, Outcome, Quota};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::redis::Redis;

/// Fractions of 128 bits and a map: the algorithm as anybody would write it down.
#[derive(Default)]
struct Reference(HashMap<(usize, u8), u128>);

impl Reference {
    fn admits(&mut self, quotas: &[Quota], key: u8, cost: u32, patience_us: u64, now_us: u64) -> bool {
        let after = |(place, quota): (usize, &Quota)| {
            let (limit, period) = (u128::from(quota.limit()), quota.period().as_micros());
            let now = u128::from(now_us) * limit;
            let after = self.0.get(&(place, key)).copied().unwrap_or(0).max(now) + period * u128::from(cost);
            let most = now + period * u128::from(quota.capacity()) + u128::from(patience_us) * limit;
            (cost == 0 || after <= most).then_some(after)
        };
        let after: Option<Vec<_>> = quotas.iter().enumerate().map(after).collect();
        let Some(after) = after else { return false };
        after.into_iter().enumerate().for_each(|(place, after)| {
            self.0.insert((place, key), after);
        });
        true
    }
}

#[derive(Debug, Clone)]
struct Step {
    key: u8,
    cost: u32,
    patience_us: u64,
    pause_us: u64,
    refunds: bool,
}

prop_compose! {
    fn quota()(limit in 1..2000_u32, period_us in 1..5_000_000_u64, burst in 1..50_u32) -> Quota {
        Quota::new(limit, Duration::from_micros(period_us)).burst(burst)
    }
}

prop_compose! {
    fn step()(
        key in 0..3_u8,
        cost in 0..4_u32,
        patience_us in prop_oneof![3 => Just(0), 1 => 0..100_000_u64],
        pause_us in 0..200_000_u64,
        refunds in prop::bool::weighted(0.1),
    ) -> Step {
        Step { key, cost, patience_us, pause_us, refunds }
    }
}

fn named(quotas: Vec<Quota>) -> Vec<Quota> {
    let name = |(place, quota): (usize, Quota)| quota.named(format!("quota {place}"));
    quotas.into_iter().enumerate().map(name).collect()
}

#[test]
fn memory_and_redis_give_the_verdicts_of_the_reference() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let input = (prop::collection::vec(quota(), 1..=4), prop::collection::vec(step(), 1..80));
    let case = Cell::new(0);
    let outcome = runner.run(&input, |(quotas, steps)| {
        case.set(case.get() + 1);
        runtime.block_on(run(&redis, &format!("alike-{}", case.get()), &named(quotas), &steps))
    });
    outcome.unwrap();
}

async fn run(redis: &Redis, name: &str, quotas: &[Quota], steps: &[Step]) -> Result<(), TestCaseError> {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let memory = MemoryLimiterOptions::new().clock(clock.clone()).build(quotas.to_vec()).unwrap();
    let shared = RedisLimiterOptions::new().clock(clock.clone()).response_timeout(Duration::from_secs(5));
    let shared = shared.build(&redis.url(), name, quotas.to_vec()).unwrap();
    let mut reference = Reference::default();
    for step in steps {
        clock.advance(Duration::from_micros(step.pause_us));
        let key = Key::from(step.key.to_string().as_str());
        let patience = Duration::from_micros(step.patience_us);
        let ask = Ask { cost: step.cost, patience, ..Ask::once(&key) };
        let (here, there) = (memory.decide(&ask), shared.decide(&ask).await);
        prop_assert_eq!(here, there, "at {:?}", step);
        let now_us = clock.since_epoch().as_micros() as u64;
        let is_affordable = quotas.iter().all(|quota| step.cost <= quota.capacity());
        prop_assert_eq!(here.outcome() == Outcome::TooCostly, !is_affordable);
        let expected =
            is_affordable && reference.admits(quotas, step.key, step.cost, step.patience_us, now_us);
        prop_assert_eq!(here.is_admitted(), expected, "at {:?}", step);
        if step.refunds && here.is_admitted() {
            memory.give_back(&key, step.cost);
            shared.give_back(&key, step.cost).await;
            prop_assert_eq!(memory.inspect(&key), shared.inspect(&key).await);
            // What was owed before the refund and had come back meanwhile is cut off alike in both; the reference starts anew.
            memory.reset(&key);
            prop_assert!(shared.reset(&key).await);
            reference.0.retain(|(_, of), _| *of != step.key);
        }
    }
    Ok(())
}
