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

/// Periods, limits and bursts of all sizes that a quota can have.
fn any_quota() -> impl Strategy<Value = Quota> {
    let size = |most: u64| (0..=most.ilog2()).prop_flat_map(move |bits| 1..=(2 << bits).min(most));
    let numbers = (size(1 << 32), size(YEAR.as_micros() as u64), size(1 << 24));
    let quota = |(limit, period_us, burst): (u64, u64, u64)| {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Quota::new(limit, Duration::from_micros(period_us)).burst(burst as u32).named("changed")
    };
    numbers.prop_map(quota).prop_filter("it can be kept", |quota| {
        let whole = quota.period().as_secs_f64() / f64::from(quota.limit()) * f64::from(quota.capacity());
        let is_built =
            RedisLimiterOptions::new().build("redis://127.0.0.1:1", "any", [quota.clone()]).is_ok();
        is_built && whole < 30.0 * YEAR.as_secs_f64()
    })
}

const YEAR: Duration = Duration::from_secs(366 * 86_400);

#[test]
fn memory_and_redis_convert_to_other_quotas_alike_to_the_tick() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
    let input = (any_quota(), any_quota(), 0..=1_000_000_u32, 0.0..1.2);
    let case = Cell::new(0);
    let outcome = runner.run(&input, |(former, next, cost, part)| {
        case.set(case.get() + 1);
        let name = format!("converted-{}", case.get());
        runtime.block_on(convert(&redis, &name, &former, &next, cost, part))
    });
    outcome.unwrap();
}

async fn convert(
    redis: &Redis,
    name: &str,
    former: &Quota,
    next: &Quota,
    cost: u32,
    part: f64,
) -> Result<(), TestCaseError> {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let memory = MemoryLimiterOptions::new().clock(clock.clone()).build([former.clone()]).unwrap();
    let shared = RedisLimiterOptions::new().clock(clock.clone()).response_timeout(Duration::from_secs(5));
    let shared = shared.build(&redis.url(), name, [former.clone()]).unwrap();
    let key = Key::from("k");
    // With patience more may be owed than the burst.
    let ask = Ask { cost: 1 + cost % former.capacity(), patience: former.period() * 2, key: &key };
    for _ in 0..2 {
        prop_assert_eq!(memory.decide(&ask), shared.decide(&ask).await);
    }
    let owed = memory.inspect(&key).standing().unwrap().reset_after;
    clock.advance(Duration::from_micros((owed.as_micros() as f64 * part) as u64));
    memory.set_quotas([next.clone()]).unwrap();
    shared.set_quotas([next.clone()]).unwrap();
    prop_assert_eq!(memory.inspect(&key), shared.inspect(&key).await);
    // What is left of a tick shows when all of it is taken.
    let left = memory.inspect(&key).standing().unwrap().remaining;
    for cost in [left, 1, next.capacity()] {
        // Redis holds no more than 142 years.
        let ask = Ask { cost, patience: 100 * YEAR, key: &key };
        prop_assert_eq!(memory.decide(&ask), shared.decide(&ask).await);
    }
    Ok(())
}

#[tokio::test]
async fn memory_and_redis_hold_no_more_than_they_can_tell() {
    let redis = Redis::start();
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    // In 2^32 ticks a µs and with 2^29 of them at once, three bursts are more than 62 bits.
    let quota = Quota::new(4_294_967_291, Duration::from_secs(3600)).burst(1 << 29);
    let memory = MemoryLimiterOptions::new().clock(clock.clone()).build([quota.clone()]).unwrap();
    let shared = RedisLimiterOptions::new().clock(clock).response_timeout(Duration::from_secs(5));
    let shared = shared.build(&redis.url(), "most", [quota]).unwrap();
    let key = Key::from("k");
    let mut admitted = 0;
    for _ in 0..4 {
        let ask = Ask { cost: 1 << 29, patience: Duration::MAX, key: &key };
        let verdict = memory.decide(&ask);
        assert_eq!(verdict, shared.decide(&ask).await);
        admitted += usize::from(verdict.is_admitted());
    }
    assert_eq!(admitted, 2);
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
            shared.give_back(&key, step.cost, &there).await;
            prop_assert_eq!(memory.inspect(&key), shared.inspect(&key).await);
            // What was owed before the refund and had come back meanwhile is cut off alike in both; the reference starts anew.
            memory.reset(&key);
            prop_assert!(shared.reset(&key).await);
            reference.0.retain(|(_, of), _| *of != step.key);
        }
    }
    Ok(())
}
