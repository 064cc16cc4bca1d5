//! Outliers against a reference that keeps every call, and by example.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::outliers::{Ejection, Outliers, Rules, SuccessRate};

const S: u64 = 1_000_000_000;
const NOBODY: [u64; 0] = [];

fn rules() -> Rules {
    Rules {
        consecutive_failures: Some(3),
        success_rate: None,
        base_ns: 30 * S,
        most_ns: 100 * S,
        max_share: 0.5,
    }
}

fn outliers(addresses: u64) -> Outliers {
    let mut outliers = Outliers::default();
    (0..addresses).for_each(|id| outliers.insert(id));
    outliers
}

/// Every call of an address since its last ejection, and its ejections from and until.
#[derive(Default)]
struct Past {
    calls: Vec<bool>,
    ejections: Vec<(u64, u64)>,
}

impl Past {
    fn is_ejected(&self, now: u64) -> bool {
        self.ejections.iter().any(|(from, until)| (*from..*until).contains(&now))
    }

    /// One more each time, one less for each base of time that it was well.
    fn times(&self, base: u64, now: u64) -> u64 {
        let mut times = 0_u64;
        let mut well_since = 0;
        for (from, until) in self.ejections.iter().copied().chain([(now, 0)]) {
            times = times.saturating_sub((from - well_since) / base) + 1;
            well_since = until;
        }
        times
    }
}

fn expected(past: &mut BTreeMap<u64, Past>, rules: &Rules, id: u64, failed: bool, now: u64) -> Vec<Ejection> {
    let ejected = past.values().filter(|past| past.is_ejected(now)).count();
    let room = ((past.len() as f64 * rules.max_share) as usize).min(past.len() - 1);
    let Some(own) = past.get_mut(&id).filter(|past| !past.is_ejected(now)) else { return Vec::new() };
    own.calls.push(failed);
    let in_a_row = own.calls.iter().rev().take_while(|failed| **failed).count() as u32;
    if in_a_row < rules.consecutive_failures.unwrap() || ejected >= room {
        return Vec::new();
    }
    let until_ns = now + (rules.base_ns * own.times(rules.base_ns, now)).min(rules.most_ns);
    own.ejections.push((now, until_ns));
    own.calls.clear();
    vec![Ejection { id, until_ns }]
}

proptest! {
    #[test]
    fn addresses_are_ejected_as_a_reference_says_that_keeps_every_call(
        addresses in 1..6_u64,
        max_share in 0.0..=1.0_f64,
        calls in prop::collection::vec((0..6_u64, prop::bool::weighted(0.7), 0..10 * S), 0..300),
    ) {
        let rules = Rules { max_share, ..rules() };
        let mut outliers = outliers(addresses);
        let mut past: BTreeMap<u64, Past> = (0..addresses).map(|id| (id, Past::default())).collect();
        let mut now = 0;
        for (id, failed, pause) in calls {
            now += pause;
            let ejections = outliers.record(&rules, id, failed, now);
            prop_assert_eq!(ejections, expected(&mut past, &rules, id, failed, now));
            let ejected = past.values().filter(|past| past.is_ejected(now)).count();
            prop_assert!(ejected < past.len(), "never all");
            prop_assert!(ejected as f64 <= max_share * past.len() as f64);
        }
    }
}

#[test]
fn the_only_address_is_never_ejected() {
    let rules = Rules { max_share: 1.0, ..rules() };
    let mut outliers = outliers(1);
    for second in 0..100 {
        assert_eq!(outliers.record(&rules, 0, true, second * S), []);
    }
}

#[test]
fn ejections_that_follow_closely_last_longer_up_to_a_bound_and_shrink_after_good_times() {
    let mut outliers = outliers(2);
    let mut now = 0;
    let mut lasting = |outliers: &mut Outliers, pause: u64| {
        now += pause;
        let until = (0..3).find_map(|_| outliers.record(&rules(), 0, true, now).pop()).unwrap().until_ns;
        let lasts = (until - now) / S;
        now = until;
        lasts
    };
    let times: Vec<u64> = [0, S, S, S, S, 61 * S, 1000 * S].map(|pause| lasting(&mut outliers, pause)).into();
    assert_eq!(times, [30, 60, 90, 100, 100, 100, 30]);
}

#[test]
fn where_too_many_are_ejected_the_next_waits_until_one_is_back() {
    let mut outliers = outliers(3);
    let fail = |outliers: &mut Outliers, id, now| {
        (0..3).any(|_| !outliers.record(&rules(), id, true, now).is_empty())
    };
    assert!(fail(&mut outliers, 0, 0));
    assert!(!fail(&mut outliers, 1, S), "one of three is half of them, rounded down");
    assert_eq!(outliers.record(&rules(), 1, true, 30 * S).len(), 1, "the first is back");
}

#[test]
fn an_address_that_is_gone_is_forgotten_and_one_that_comes_back_begins_anew() {
    let mut outliers = outliers(3);
    (0..2).for_each(|_| drop(outliers.record(&rules(), 0, true, 0)));
    outliers.remove(0);
    assert_eq!(outliers.record(&rules(), 0, true, 0), []);
    outliers.insert(0);
    assert_eq!(outliers.record(&rules(), 0, true, 0), []);
}

/// So many failures of 100 calls for each address, and who is ejected at the end of the interval.
fn compared(failures: &[u32]) -> Vec<u64> {
    let success_rate = SuccessRate { interval_ns: 10 * S, min_calls: 100, min_addresses: 5, deviations: 1.9 };
    let rules = Rules { consecutive_failures: None, success_rate: Some(success_rate), ..rules() };
    let mut outliers = outliers(failures.len() as u64);
    for (id, failures) in failures.iter().enumerate() {
        for call in 0..100 {
            assert_eq!(outliers.record(&rules, id as u64, call < *failures, S), []);
        }
    }
    outliers.record(&rules, 0, false, 10 * S).into_iter().map(|ejection| ejection.id).collect()
}

#[test]
fn an_address_that_succeeds_far_less_often_than_the_others_is_ejected() {
    assert_eq!(compared(&[1, 0, 40, 2, 1]), [2]);
    assert_eq!(compared(&[1, 0, 90, 2, 1, 0, 0, 1, 2, 0, 80, 1]), [2, 10], "the worst first");
}

#[test]
fn small_differences_small_sets_and_what_fails_everywhere_eject_nobody() {
    assert_eq!(compared(&[0, 0, 3, 0, 0]), NOBODY, "two standard deviations, but three in a hundred");
    assert_eq!(compared(&[0, 0, 90, 0]), NOBODY, "too few to compare");
    assert_eq!(compared(&[70, 72, 71, 69, 75]), NOBODY);
}

#[test]
fn an_address_with_few_calls_is_not_judged() {
    let success_rate = SuccessRate { interval_ns: S, min_calls: 100, min_addresses: 2, deviations: 0.5 };
    let rules = Rules { consecutive_failures: None, success_rate: Some(success_rate), ..rules() };
    let mut outliers = outliers(3);
    for call in 0..300 {
        let id = call % 2;
        assert_eq!(outliers.record(&rules, id, false, 0), []);
    }
    (0..99).for_each(|_| assert_eq!(outliers.record(&rules, 2, true, 0), []));
    assert_eq!(outliers.record(&rules, 0, false, S), []);
}
