#[cfg(loom)]
mod interleavings;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rate_limit::{Ask, Key, Quota};

/// What is done to both of two limiters, and what is done to one of them alone: lending must not be noticed.
#[derive(Debug, Clone)]
enum Step {
    Ask { tag: u64, cost: u32, patience_us: u64 },
    Refund { tag: u64, cost: u32 },
    Reset { tag: u64 },
    SetQuotas(Vec<Quota>),
    Pause { us: u64 },
    Lend { tag: u64 },
    Wait { tag: u64 },
}

fn quotas() -> impl Strategy<Value = Vec<Quota>> {
    let quota = (1..2000_u32, 1..5_000_000_u64, 1..50_u32)
        .prop_map(|(limit, us, burst)| Quota::new(limit, Duration::from_micros(us)).burst(burst));
    let named = |(place, quota): (usize, Quota)| quota.named(format!("q{place}"));
    let several = prop::collection::vec(quota.clone(), 1..=2);
    prop_oneof![
        quota.prop_map(|quota| vec![quota.named("q0")]),
        several.prop_map(move |quotas| quotas.into_iter().enumerate().map(named).collect())
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tag = || 1..5_u64;
    let costs = prop_oneof![4 => 1..4_u32, 1 => 0..60_u32, 1 => Just(u32::MAX)];
    let patience_us = prop_oneof![5 => Just(0), 1 => 1..1_000_000_u64];
    let step = prop_oneof![
        10 => (tag(), costs, patience_us)
            .prop_map(|(tag, cost, patience_us)| Step::Ask { tag, cost, patience_us }),
        1 => (tag(), 0..4_u32).prop_map(|(tag, cost)| Step::Refund { tag, cost }),
        1 => tag().prop_map(|tag| Step::Reset { tag }),
        1 => quotas().prop_map(Step::SetQuotas),
        4 => (0..200_000_u64).prop_map(|us| Step::Pause { us }),
        1 => (0..5_000_000_000_000_u64).prop_map(|us| Step::Pause { us }),
        4 => tag().prop_map(|tag| Step::Lend { tag }),
        2 => tag().prop_map(|tag| Step::Wait { tag }),
    ];
    prop::collection::vec(step, 1..150)
}

fn stripe(quotas: &[Quota], max_keys: usize) -> Stripe {
    Stripe::new(Arc::new(Quotas::new(quotas.to_vec()).unwrap()), max_keys)
}

fn ask(stripe: &Stripe, tag: u64, cost: u32, now_us: u64) -> Verdict {
    stripe.decide(Request { tag, ask: &Ask { cost, ..Ask::once(&Key::new()) } }, now_us)
}

fn decide_without_slot(stripe: &Stripe, request: Request<'_>, now_us: u64) -> Verdict {
    stripe.shard.lock().decide_slowly(request, now_us)
}

fn lend(stripe: &Stripe, tag: u64, now_us: u64) {
    stripe.lend(&mut stripe.shard.lock(), tag, now_us);
}

fn remaining(stripe: &Stripe, tag: u64, now_us: u64) -> u32 {
    ask(stripe, tag, 0, now_us).standing().unwrap().remaining
}

proptest! {
    #[test]
    fn nobody_notices_where_a_key_is_kept(quotas in quotas(), steps in steps(), max_keys in 1..5_usize) {
        let (plain, lending) = (stripe(&quotas, max_keys), stripe(&quotas, max_keys));
        let (mut now_us, key) = (1_000_000, Key::new());
        for step in steps {
            match step {
                Step::Ask { tag, cost, patience_us } => {
                    let patience = Duration::from_micros(patience_us);
                    let ask = &Ask { cost, patience, ..Ask::once(&key) };
                    let request = Request { tag, ask };
                    prop_assert_eq!(lending.decide(request, now_us), decide_without_slot(&plain, request, now_us));
                }
                Step::Refund { tag, cost } => {
                    [&plain, &lending].iter().for_each(|stripe| stripe.refund(tag, cost, now_us));
                }
                Step::Reset { tag } => {
                    [&plain, &lending].iter().for_each(|stripe| stripe.reset(tag, now_us));
                }
                Step::SetQuotas(quotas) => {
                    let quotas = Arc::new(Quotas::new(quotas).unwrap());
                    [&plain, &lending].iter().for_each(|stripe| stripe.set_quotas(&quotas, || now_us));
                }
                Step::Pause { us } => now_us += us,
                Step::Lend { tag } => lend(&lending, tag, now_us),
                Step::Wait { tag } => {
                    let request = Request { tag, ask: &Ask::once(&key) };
                    prop_assert_eq!(lending.decide_after_waiting(request, now_us), decide_without_slot(&plain, request, now_us));
                }
            }
        }
    }
}

#[test]
fn a_key_for_which_threads_wait_twice_in_a_row_is_lent() {
    let stripe = stripe(&[Quota::per_second(9)], 10);
    let (key, cost, patience) = (Key::new(), 1, Duration::ZERO);
    let ask = &Ask { key: &key, cost, patience };
    for (tag, is_lent) in [(1, false), (2, false), (1, false), (1, true), (2, false), (2, true)] {
        let _ = stripe.decide_after_waiting(Request { tag, ask }, 0);
        assert_eq!(stripe.hot.has(tag), is_lent, "{tag}");
    }
    assert!(!stripe.hot.has(1), "there is one slot");
    assert_eq!((remaining(&stripe, 1, 0), remaining(&stripe, 2, 0)), (6, 6));
}

#[test]
fn a_key_that_is_asked_for_many_times_in_a_row_is_lent_and_one_among_others_is_not() {
    let stripe = stripe(&[Quota::per_second(1000)], 10);
    for turn in 0..100 {
        assert!(ask(&stripe, 1 + turn % 2, 1, 0).is_admitted());
    }
    assert!(!stripe.hot.has(1) && !stripe.hot.has(2));
    for _ in 0..=IN_A_ROW {
        assert!(!stripe.hot.has(3));
        assert!(ask(&stripe, 3, 1, 0).is_admitted());
    }
    assert!(stripe.hot.has(3));
    stripe.refund(3, 1, 0);
    assert!(!stripe.hot.has(3), "what becomes less is done in the shard");
    assert_eq!(remaining(&stripe, 3, 0), 1000 - IN_A_ROW);
}

#[test]
fn a_key_that_owes_nothing_keeps_no_other_out_by_being_lent() {
    let stripe = stripe(&[Quota::per_second(1)], 1);
    assert!(ask(&stripe, 1, 1, 0).is_admitted());
    lend(&stripe, 1, 0);
    assert!(!ask(&stripe, 2, 1, 999_999).is_admitted(), "it is not yet whole");
    assert!(!ask(&stripe, 1, 1, 999_999).is_admitted());
    assert!(ask(&stripe, 2, 1, 1_000_000).is_admitted());
}

#[test]
fn a_slot_that_has_counted_to_its_end_lends_no_more() {
    let most = Quota::new(1, Duration::from_micros(1 << 40)).burst(1 << 21);
    let stripe = stripe(&[most], 10);
    for tag in 1..6 {
        assert!(ask(&stripe, tag, 1 << 21, 0).is_admitted());
        lend(&stripe, tag, 0);
        assert_eq!(stripe.hot.has(tag), tag < 2, "{tag}");
        assert!(!ask(&stripe, tag, 1, 0).is_admitted());
    }
}

#[test]
fn threads_together_get_no_more_of_a_key_that_is_lent_to_and_fro() {
    let stripe = stripe(&[Quota::per_hour(30_000)], 10);
    let asks = |tag: u64| (0..20_000).filter(|_| ask(&stripe, tag, 1, 0).is_admitted()).count();
    let (first, second, other) = std::thread::scope(|scope| {
        let threads = [1, 1, 2].map(|tag| scope.spawn(move || asks(tag)));
        let lends = scope.spawn(|| (0..20_000).for_each(|turn| lend(&stripe, 1 + turn % 2, 0)));
        lends.join().unwrap();
        let [first, second, other] = threads.map(|thread| thread.join().unwrap());
        (first, second, other)
    });
    assert_eq!((first + second, other), (30_000, 20_000));
    assert_eq!((remaining(&stripe, 1, 0), remaining(&stripe, 2, 0)), (0, 10_000));
}
