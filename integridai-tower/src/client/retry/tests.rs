use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;

use super::backoff::Backoff;
use super::decision::{Ended, Rules};
use super::{Decision, GivenUp, RetryOptions};
use crate::client::AttemptOutcome;

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> Rules {
    let backoff = Backoff { first: Duration::from_millis(100), most: SECOND };
    Rules { attempts: 3, backoff, retry_after_most: SECOND * 10, needed: Duration::from_millis(50) }
}

fn failed(retry_after: Option<u64>) -> AttemptOutcome {
    AttemptOutcome::Failed { retry_after: retry_after.map(Duration::from_secs) }
}

fn unprocessed(retry_after: Option<u64>) -> AttemptOutcome {
    AttemptOutcome::Unprocessed { retry_after: retry_after.map(Duration::from_secs) }
}

/// The first attempt of a request that may be repeated, without a deadline.
fn ended(outcome: AttemptOutcome) -> Ended {
    Ended { outcome, attempts: 1, is_repeatable: true, can_be_replayed: true, left: None }
}

fn again(milliseconds: u64) -> Decision {
    Decision::Again { pause: Duration::from_millis(milliseconds) }
}

#[test]
fn each_end_has_its_decision() {
    use Decision::{Done, GivenUp as Given};
    let once = |outcome| Ended { is_repeatable: false, ..ended(outcome) };
    let left = |outcome, left: u64| Ended { left: Some(Duration::from_millis(left)), ..ended(outcome) };
    for (what, ended, expected) in [
        ("final", ended(AttemptOutcome::Final), Done),
        ("final, whatever else", Ended { attempts: 9, ..once(AttemptOutcome::Final) }, Done),
        ("failed", ended(failed(None)), again(100)),
        ("failed twice", Ended { attempts: 2, ..ended(failed(None)) }, again(200)),
        ("failed thrice", Ended { attempts: 3, ..ended(failed(None)) }, Given(GivenUp::Attempts)),
        ("failed, not to be repeated", once(failed(None)), Given(GivenUp::NotRepeatable)),
        ("not processed, not to be repeated", once(unprocessed(None)), again(100)),
        ("a stream", Ended { can_be_replayed: false, ..ended(failed(None)) }, Given(GivenUp::BodySent)),
        ("asked for patience", ended(failed(Some(2))), again(2100)),
        ("asked for all the patience there is", ended(unprocessed(Some(10))), again(10_100)),
        ("asked for more", ended(unprocessed(Some(11))), Given(GivenUp::RetryAfter)),
        ("just in time", left(failed(None), 150), again(100)),
        ("just too late", left(failed(None), 149), Given(GivenUp::Deadline)),
        ("patience beyond the deadline", left(failed(Some(2)), 2149), Given(GivenUp::Deadline)),
        ("patience within the deadline", left(failed(Some(2)), 2150), again(2100)),
    ] {
        assert_eq!(rules().decide(&ended, u32::MAX, || true), expected, "{what}");
    }
}

#[test]
fn the_budget_is_asked_last_and_once() {
    let asked = Cell::new(0);
    let empty = || {
        asked.set(asked.get() + 1);
        false
    };
    let decision = rules().decide(&ended(failed(None)), 0, empty);
    assert_eq!((decision, asked.get()), (Decision::GivenUp(GivenUp::Budget), 1));
    for ended in [ended(AttemptOutcome::Final), Ended { attempts: 3, ..ended(failed(None)) }] {
        rules().decide(&ended, 0, empty);
    }
    assert_eq!(asked.get(), 1);
}

fn any_outcome() -> impl Strategy<Value = AttemptOutcome> {
    let time = prop::option::of(0_u64..20);
    prop_oneof![Just(AttemptOutcome::Final), time.clone().prop_map(failed), time.prop_map(unprocessed)]
}

proptest! {
    #[test]
    fn a_pause_is_within_its_bound_and_the_bound_doubles_up_to_the_most(
        first in 0_u64..10_000_000,
        more in 0_u64..10_000_000_000,
        attempts in 1_u32..200,
        luck in 0..=u32::MAX,
    ) {
        let backoff = Backoff { first: Duration::from_nanos(first), most: Duration::from_nanos(first + more) };
        // A reference that doubles step by step.
        let mut bound = u128::from(first);
        for _ in 1..attempts {
            bound = (bound * 2).min(u128::from(first + more));
        }
        prop_assert_eq!(backoff.bound(attempts).as_nanos(), bound);
        prop_assert!(backoff.pause(attempts, luck).as_nanos() <= bound);
        prop_assert_eq!(backoff.pause(attempts, 0), Duration::ZERO);
        prop_assert_eq!(backoff.pause(attempts, u32::MAX).as_nanos(), bound);
    }

    #[test]
    fn no_attempt_begins_too_late_too_soon_or_once_too_often(
        outcome in any_outcome(),
        attempts in 1_u32..6,
        (is_repeatable, can_be_replayed, has_budget) in any::<(bool, bool, bool)>(),
        left in prop::option::of(0_u64..20_000),
        luck in 0..=u32::MAX,
    ) {
        let left = left.map(Duration::from_millis);
        let ended = Ended { outcome, attempts, is_repeatable, can_be_replayed, left };
        let decision = rules().decide(&ended, luck, || has_budget);
        if let Decision::Again { pause } = decision {
            let asked = outcome.retry_after().unwrap_or_default();
            prop_assert!(!outcome.is_final() && attempts < 3 && can_be_replayed && has_budget);
            let was_unprocessed = matches!(outcome, AttemptOutcome::Unprocessed { .. });
            prop_assert!(is_repeatable || was_unprocessed);
            prop_assert!(pause >= asked && pause <= asked + rules().backoff.bound(attempts));
            prop_assert!(asked <= rules().retry_after_most);
            prop_assert!(left.is_none_or(|left| pause + rules().needed <= left));
        }
        prop_assert_eq!(decision == Decision::Done, outcome.is_final());
    }

    #[test]
    fn pauses_take_all_of_their_time(steps in 1_u32..1000) {
        let pause = |step: u32| rules().backoff.pause(1, (u64::from(u32::MAX) * u64::from(step) / 1000) as u32);
        prop_assert!(pause(steps) > pause(steps - 1));
    }
}

#[test]
fn options_that_cannot_work_are_refused() {
    for (options, setting) in [
        (RetryOptions::new().attempts(0), "attempts"),
        (RetryOptions::new().attempts(101), "attempts"),
        (RetryOptions::new().backoff(SECOND * 2, SECOND), "backoff"),
        (RetryOptions::new().backoff(SECOND, SECOND * 3601), "backoff"),
        (RetryOptions::new().retry_after_at_most(SECOND * 3601), "retry_after_at_most"),
        (RetryOptions::new().at_least(SECOND * 3601), "at_least"),
    ] {
        assert_eq!(options.build().unwrap_err().setting(), setting);
    }
}
