#[cfg(loom)]
mod interleavings;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Clock;
use crate::rate_limit::Outcome;

/// The same algorithm as anybody would write it down: fractions of 128 bits, a map that forgets nothing, no ticks.
#[derive(Default)]
struct Reference {
    /// Numerators of arrival times in µs, over the quota's limit.
    arrivals: std::collections::HashMap<(usize, u8), u128>,
}

impl Reference {
    fn admits(&mut self, quotas: &[Quota], key: u8, cost: u32, now_us: u64) -> bool {
        let after = |place: usize, quota: &Quota| {
            let (limit, period) = (u128::from(quota.limit()), quota.period().as_micros());
            let now = u128::from(now_us) * limit;
            let arrival = self.arrivals.get(&(place, key)).copied().unwrap_or(0).max(now);
            let after = arrival + period * u128::from(cost);
            (after <= now + period * u128::from(quota.capacity())).then_some(after)
        };
        let after: Vec<_> = quotas.iter().enumerate().map(|(place, quota)| after(place, quota)).collect();
        if after.iter().any(Option::is_none) {
            return false;
        }
        for (place, after) in after.into_iter().flatten().enumerate() {
            self.arrivals.insert((place, key), after);
        }
        true
    }
}

fn limiter(quotas: &[Quota], max_keys: usize, when_full: WhenFull) -> (MemoryLimiter, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1));
    let options = MemoryLimiterOptions::new().clock(clock.clone()).max_keys(max_keys).when_full(when_full);
    (options.build(quotas.to_vec()).unwrap(), clock)
}

fn key(name: impl AsRef<str>) -> Key {
    Key::from(name.as_ref())
}

prop_compose! {
    fn quota()(limit in 1..2000_u32, period_us in 1..5_000_000_u64, burst in 1..50_u32) -> Quota {
        Quota::new(limit, Duration::from_micros(period_us)).burst(burst)
    }
}

fn quotas() -> impl Strategy<Value = Vec<Quota>> {
    let named = |quotas: Vec<Quota>| {
        let name = |(place, quota): (usize, Quota)| quota.named(format!("q{place}"));
        quotas.into_iter().enumerate().map(name).collect()
    };
    prop::collection::vec(quota(), 1..=super::super::MAX_QUOTAS).prop_map(named)
}

proptest! {
    #[test]
    fn verdicts_are_those_of_the_reference(
        quotas in quotas(),
        asks in prop::collection::vec((0..4_u8, 0..4_u32, 0..200_000_u64), 1..200),
    ) {
        let (limiter, clock) = limiter(&quotas, 4, WhenFull::Refuse);
        let mut reference = Reference::default();
        let mut now_us = 1_000_000;
        for (number, cost, pause_us) in asks {
            clock.advance(Duration::from_micros(pause_us));
            now_us += pause_us;
            let key = key(number.to_string());
            let verdict = limiter.decide(&Ask { cost, ..Ask::once(&key) });
            let affordable = quotas.iter().all(|quota| cost <= quota.capacity());
            let expected = affordable && reference.admits(&quotas, number, cost, now_us);
            // Costs of nothing are admitted by both, as a key never owes more than its burst.
            prop_assert_eq!(verdict.is_admitted(), expected, "{:?} at {}", verdict, now_us);
        }
    }

    #[test]
    fn a_refused_request_is_admitted_when_it_was_told_to_come_back_and_not_before(
        quotas in quotas(),
        costs in prop::collection::vec(1..4_u32, 1..60),
    ) {
        let (limiter, clock) = limiter(&quotas, 1, WhenFull::Refuse);
        let key = key("k");
        for cost in costs {
            let ask = Ask { cost, ..Ask::once(&key) };
            let Some(wait) = limiter.decide(&ask).retry_after() else { continue };
            prop_assert!(!wait.is_zero());
            clock.advance(wait - Duration::from_micros(1));
            prop_assert!(!limiter.decide(&ask).is_admitted());
            clock.advance(Duration::from_micros(1));
            prop_assert!(limiter.decide(&ask).is_admitted());
        }
    }

    #[test]
    fn what_is_given_back_can_be_had_again(quotas in quotas(), taken in 1..10_u32) {
        let (limiter, _clock) = limiter(&quotas, 1, WhenFull::Refuse);
        let key = key("k");
        let before = limiter.inspect(&key);
        let ask = Ask { cost: taken, ..Ask::once(&key) };
        if limiter.decide(&ask).is_admitted() {
            limiter.give_back(&key, taken);
        }
        prop_assert_eq!(limiter.inspect(&key), before);
    }
}

#[test]
fn the_strictest_quota_is_told_of() {
    let (limiter, clock) = limiter(&[Quota::per_second(5), Quota::per_hour(7)], 10, WhenFull::Share);
    let key = key("k");
    let standing =
        |_| limiter.check(&key).standing().map(|standing| (standing.quota, standing.remaining)).unwrap();
    assert_eq!((0..5).map(standing).collect::<Vec<_>>(), [(0, 4), (0, 3), (0, 2), (0, 1), (0, 0)]);
    clock.advance(Duration::from_secs(1));
    assert_eq!((0..2).map(standing).collect::<Vec<_>>(), [(1, 1), (1, 0)]);
    let refused = limiter.check(&key);
    assert_eq!(
        refused.retry_after(),
        Some(Duration::from_micros(514_285_715 - 1_000_000)),
        "the hour's, not the second's"
    );
}

#[test]
fn a_flood_of_keys_makes_no_limited_key_forgotten() {
    let (limiter, clock) = limiter(&[Quota::per_minute(2)], 2000, WhenFull::Refuse);
    let held: Vec<Key> = (0..500).map(|number| key(format!("held {number}"))).collect();
    for held in &held {
        assert!(limiter.check(held).is_admitted() && limiter.check(held).is_admitted());
    }
    for number in 0..200_000 {
        let _ = limiter.check(&key(number.to_string()));
        if number % 1000 == 0 {
            clock.advance(Duration::from_millis(10));
        }
    }
    assert!(limiter.status().keys <= 2048, "{:?}", limiter.status());
    assert!(limiter.status().without_room > 150_000);
    assert!(held.iter().all(|held| !limiter.check(held).is_admitted()));
    clock.advance(Duration::from_secs(60));
    assert!(
        (0..1500).all(|number| limiter.check(&key(format!("later {number}"))).is_admitted()),
        "there is room again"
    );
}

#[test]
fn keys_without_room_share_one_quota() {
    let (limiter, _clock) = limiter(&[Quota::per_minute(3)], 1, WhenFull::Share);
    assert!(limiter.check(&key("first")).is_admitted());
    let admitted = (0..100).filter(|number| limiter.check(&key(number.to_string())).is_admitted()).count();
    assert_eq!(admitted, 3);
}

#[test]
fn other_quotas_keep_what_was_used() {
    let (limiter, clock) = limiter(&[Quota::per_minute(10)], 1000, WhenFull::Refuse);
    for _ in 0..4 {
        assert!(limiter.check(&key("k")).is_admitted());
    }
    clock.advance(Duration::from_secs(6));
    limiter.set_quotas([Quota::per_minute(7), Quota::per_day(1000)]).unwrap();
    let left = |limiter: &MemoryLimiter| limiter.inspect(&key("k")).standing().unwrap().remaining;
    assert_eq!(left(&limiter), 4, "one of four came back");
    limiter.set_quotas([Quota::per_minute(2)]).unwrap();
    assert_eq!(left(&limiter), 0);
    assert_eq!(
        limiter.check(&key("k")).retry_after(),
        Some(Duration::from_secs(30)),
        "no deeper than the burst"
    );
    assert!(limiter.set_quotas([Quota::per_minute(0)]).is_err());
    limiter.reset(&key("k"));
    assert_eq!(left(&limiter), 2);
}

#[test]
fn a_clock_that_has_run_for_years_changes_nothing() {
    // Its ticks are 1 / 1 000 003 µs, so that the origin of the shard has to move every 26 days.
    let (limiter, clock) = limiter(&[Quota::per_second(1_000_003).burst(2)], 10, WhenFull::Refuse);
    let key = key("k");
    for _ in 0..2000 {
        assert!(limiter.check(&key).is_admitted() && limiter.check(&key).is_admitted());
        assert!(!limiter.check(&key).is_admitted());
        clock.advance(Duration::from_secs(86_400) + Duration::from_micros(3));
    }
}

#[test]
fn a_patient_caller_is_told_how_long_to_wait() {
    let (limiter, clock) = limiter(&[Quota::per_second(2)], 10, WhenFull::Refuse);
    let key = key("k");
    let ask = Ask { patience: Duration::from_secs(1), ..Ask::once(&key) };
    let waits: Vec<_> = (0..5).map(|_| limiter.decide(&ask).outcome()).collect();
    let after = |millis| Outcome::Admitted { wait: Duration::from_millis(millis) };
    let refused = Outcome::Refused { retry_after: Duration::from_millis(1500) };
    assert_eq!(waits, [after(0), after(0), after(500), after(1000), refused]);
    clock.advance(Duration::from_millis(500));
    assert_eq!(limiter.decide(&ask).outcome(), after(1000));
    assert!(!limiter.check(&key).is_admitted());
}

#[test]
fn what_costs_more_than_the_quota_is_never_admitted() {
    let (limiter, _clock) = limiter(&[Quota::per_day(1000), Quota::per_second(5)], 10, WhenFull::Share);
    let key = key("k");
    let verdict = limiter.decide(&Ask { cost: 6, ..Ask::once(&key) });
    assert_eq!(verdict.outcome(), Outcome::TooCostly);
    assert_eq!(limiter.inspect(&key).standing().unwrap().remaining, 5, "nothing was taken");
}

#[test]
fn the_greatest_cost_is_too_much_for_a_known_key() {
    let (limiter, _clock) = limiter(&[Quota::per_day(1)], 10, WhenFull::Share);
    let key = key("k");
    assert!(limiter.check(&key).is_admitted());
    assert_eq!(limiter.decide(&Ask { cost: u32::MAX, ..Ask::once(&key) }).outcome(), Outcome::TooCostly);
}

#[test]
fn threads_together_get_no_more_than_one_would() {
    let (limiter, _clock) =
        limiter(&[Quota::per_hour(5000), Quota::per_day(20_000)], 100_000, WhenFull::Share);
    let admitted =
        || (0..10_000).filter(|number| limiter.check(&key((number % 3).to_string())).is_admitted()).count();
    let total = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(admitted)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(total, 3 * 5000);
}

#[test]
fn a_refund_of_what_was_shared_goes_to_those_who_share() {
    let (limiter, _clock) = limiter(&[Quota::per_minute(5)], 1, WhenFull::Share);
    let remaining = |key: &Key| limiter.inspect(key).standing().map(|standing| standing.remaining);
    let (first, second) = (key("first"), key("second"));
    assert!(limiter.check(&first).is_admitted());
    let shared = [limiter.check(&second), limiter.check(&second)];
    limiter.reset(&first);
    let own = limiter.check(&second);
    assert_eq!(remaining(&second), Some(4), "there is room for it now");
    assert!(limiter.refund(&second, 1, &shared[0]).is_none());
    assert_eq!(remaining(&second), Some(4), "it was not charged for that");
    assert!(limiter.refund(&second, 1, &own).is_none());
    assert_eq!(remaining(&second), Some(5));
    assert!(limiter.check(&second).is_admitted());
    let third = limiter.check(&key("third")).standing().map(|standing| standing.remaining);
    assert_eq!(third, Some(3), "of two that were shared one has been given back");
}
