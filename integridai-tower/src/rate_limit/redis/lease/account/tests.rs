use proptest::prelude::*;

use super::*;
use crate::rate_limit::Quota;

mod replicas;

const TERMS: Terms = Terms { time_us: 1000, max_block: 64 };

/// Of a quota of which one costs a tick, and a microsecond has one: units are ticks. So much is owed after the charge.
fn granted(times: u32, cost: u32, debt: u64, asked_us: u64) -> Grant {
    let outcome = match times {
        0 => Outcome::Refused { retry_after: Duration::from_micros(300) },
        _ => Outcome::Admitted { wait: Duration::ZERO },
    };
    let quotas = Arc::new(Quotas::new([Quota::per_second(1_000_000)]).unwrap());
    let verdict = Verdict::new(outcome, None);
    Grant { times, cost, verdict, quotas, debts: [debt, 0, 0, 0], asked_us }
}

const MUCH: u64 = 1 << 60;

fn units(charged: Option<Charged>) -> u64 {
    charged.map_or(0, |charged| charged.ticks[0])
}

proptest! {
    /// Whatever happens, no more is spent than was taken, nothing after its time, and the rest is given back once.
    #[test]
    fn what_is_taken_is_spent_or_given_back_and_never_twice(
        steps in prop::collection::vec((0..600_u64, 1..5_u32, 0..8_u32, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut account = Account::default();
        let (mut now, mut taken, mut spent, mut returned) = (0, 0_u64, 0_u64, 0_u64);
        for (pause, cost, times, expires, leaves) in steps {
            now += pause;
            if expires {
                returned += units(account.expire(now));
            }
            match account.spend(cost, TERMS, now) {
                Step::Decided(verdict) => spent += u64::from(if verdict.is_admitted() { cost } else { 0 }),
                Step::Refill { most } => {
                    // The caller gives back what has expired before it takes more.
                    returned += units(account.expire(now));
                    let (times, used) = (times.min(most), u32::from(!leaves));
                    let _ = account.refilled(granted(times, cost, MUCH, now), used, TERMS, now);
                    taken += u64::from(times * cost);
                    spent += u64::from(if times > 0 { used * cost } else { 0 });
                }
            }
            prop_assert_eq!(spent + returned + u64::from(account.balance), taken);
            prop_assert!(account.balance <= 2 * TERMS.max_block);
        }
        returned += units(account.close(now));
        prop_assert_eq!(spent + returned, taken);
    }
}

#[test]
fn blocks_grow_while_they_are_used_up_quickly_and_shrink_when_they_are_not() {
    let mut account = Account::default();
    let mut asked = Vec::new();
    for number in 1..=8 {
        let now = number * 10;
        let Step::Refill { most } = account.spend(1, TERMS, now) else { panic!("nothing is held") };
        asked.push(most);
        let _ = account.refilled(granted(most, 1, MUCH, now), 1, TERMS, now);
        while account.balance > 0 {
            assert!(matches!(account.spend(1, TERMS, now), Step::Decided(_)));
        }
    }
    assert_eq!(asked, [1, 2, 4, 8, 16, 32, 64, 64]);
    let _ = account.refilled(granted(64, 1, MUCH, 100), 1, TERMS, 100);
    assert_eq!(units(account.expire(1100)), 63);
    assert_eq!(account.spend(1, TERMS, 5000), Step::Refill { most: 32 });
}

#[test]
fn a_refusal_is_believed_for_its_time_and_for_costs_that_are_no_smaller() {
    let mut account = Account::default();
    let verdict = Verdict::new(Outcome::Refused { retry_after: Duration::from_micros(5000) }, None);
    let _ = account.refilled(Grant { verdict, ..granted(0, 2, MUCH, 10) }, 1, TERMS, 10);
    let told = |step| match step {
        Step::Decided(verdict) => verdict.retry_after(),
        Step::Refill { .. } => None,
    };
    assert_eq!(told(account.spend(2, TERMS, 510)), Some(Duration::from_micros(4500)));
    assert_eq!(told(account.spend(1, TERMS, 510)), None);
    assert!(!account.is_idle(510));
    assert_eq!(told(account.spend(2, TERMS, 1010)), None, "no longer than a lease");
    assert!(account.is_idle(1010));
}

#[test]
fn a_block_for_which_nobody_waited_any_longer_is_as_old_as_its_question() {
    let mut account = Account::default();
    let _ = account.refilled(granted(8, 1, MUCH, 100), 0, TERMS, 900);
    assert_eq!(
        account.spend(1, TERMS, 1099),
        Step::Decided(Verdict::new(Outcome::Admitted { wait: Duration::ZERO }, None))
    );
    assert!(matches!(account.spend(1, TERMS, 1100), Step::Refill { .. }));
    assert_eq!(units(account.expire(1100)), 7, "all that was not spent");
}

#[test]
fn who_is_admitted_by_a_block_is_charged_by_the_redis_that_charged_the_block() {
    let grant = granted(8, 1, MUCH, 100);
    let verdict = grant.verdict.after_outages(3);
    let mut account = Account::default();
    assert_eq!(account.refilled(Grant { verdict, ..grant }, 1, TERMS, 100).outages(), 3);
    let Step::Decided(verdict) = account.spend(1, TERMS, 101) else { panic!("seven are held") };
    assert_eq!((verdict.is_admitted(), verdict.outages()), (true, 3));
}

#[test]
fn what_has_come_back_by_itself_is_not_given_back_again() {
    let unused = |debt: u64, asked_us, now_us| {
        let mut account = Account::default();
        let _ = account.refilled(granted(33, 1, debt, asked_us), 1, TERMS, asked_us);
        units(account.close(now_us))
    };
    assert_eq!(unused(MUCH, 10, 500), 32, "others owe more than that");
    assert_eq!(unused(500, 10, 400), 32);
    assert_eq!(unused(500, 10, 490), 20, "twenty of them are owed yet");
    assert_eq!(unused(500, 10, 510), 0);
}
