//! Every order in which two threads can take their steps, by loom.

use loom::thread;

use super::*;

/// Two keys, of which the first has used this much and is lent.
fn lent(limit: u32, used: u32) -> Arc<Stripe> {
    let stripe = stripe(&[Quota::per_hour(limit)], 2);
    assert!(ask(&stripe, 1, used, 0).is_admitted() && ask(&stripe, 2, 1, 0).is_admitted());
    lend(&stripe, 1, 0);
    Arc::new(stripe)
}

/// Who reads the slot meanwhile may find each of its words as it was or as it is: all of that in as many orders as two
/// interruptions make would take hours without a bound.
fn model_of_switches(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

fn admits(stripe: &Stripe, tag: u64) -> u32 {
    ask(stripe, tag, 1, 0).is_admitted().into()
}

#[test]
fn what_is_lent_is_given_once() {
    loom::model(|| {
        let stripe = lent(3, 1);
        let asking = Arc::clone(&stripe);
        let other = thread::spawn(move || admits(&asking, 1) + admits(&asking, 1));
        let here = admits(&stripe, 1);
        assert_eq!(here + other.join().unwrap(), 2);
    });
}

#[test]
fn a_key_is_charged_whoever_has_the_slot() {
    model_of_switches(|| {
        let stripe = lent(9, 1);
        let asking = Arc::clone(&stripe);
        let other = thread::spawn(move || admits(&asking, 1));
        lend(&stripe, 2, 0);
        assert_eq!(other.join().unwrap(), 1);
        assert_eq!((remaining(&stripe, 1, 0), remaining(&stripe, 2, 0)), (7, 8));
    });
}

#[test]
fn nobody_is_refused_for_what_the_former_key_of_the_slot_has_used() {
    model_of_switches(|| {
        let stripe = lent(2, 2);
        let asking = Arc::clone(&stripe);
        let other = thread::spawn(move || admits(&asking, 2));
        lend(&stripe, 2, 0);
        assert_eq!(other.join().unwrap(), 1);
    });
}

#[test]
fn nobody_is_admitted_for_what_the_next_key_of_the_slot_has_left() {
    model_of_switches(|| {
        let stripe = lent(2, 2);
        let asking = Arc::clone(&stripe);
        let other = thread::spawn(move || admits(&asking, 1));
        lend(&stripe, 2, 0);
        assert_eq!(other.join().unwrap(), 0);
    });
}

#[test]
fn a_refund_of_what_is_lent_is_given_back_once() {
    loom::model(|| {
        let stripe = lent(2, 1);
        let giving = Arc::clone(&stripe);
        let gives = thread::spawn(move || giving.refund(1, 1, 0));
        let admitted = admits(&stripe, 1);
        gives.join().unwrap();
        assert_eq!(admitted + remaining(&stripe, 1, 0), 2);
    });
}

#[test]
fn other_quotas_count_what_was_charged_to_the_slot() {
    loom::model(|| {
        let stripe = lent(3, 1);
        let setting = Arc::clone(&stripe);
        let quotas = Arc::new(Quotas::new([Quota::per_hour(9)]).unwrap());
        let sets = thread::spawn(move || setting.set_quotas(&quotas, || 0));
        let admitted = admits(&stripe, 1);
        sets.join().unwrap();
        assert_eq!(admitted + remaining(&stripe, 1, 0), 8);
    });
}
