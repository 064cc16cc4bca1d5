//! What a replica holds of one key's quota ahead of use: pure, `(state, request, now) → action`.

use std::time::Duration;

use crate::rate_limit::{Outcome, Standing, Verdict};

/// A block of the shared quota. It was charged when it was taken; whatever is spent of it within its time needs no question.
#[derive(Debug, Default)]
pub(super) struct Account {
    balance: u32,
    /// Times in µs.
    expires_us: u64,
    taken_us: u64,
    /// What to ask for next time.
    block: u32,
    standing: Option<Standing>,
    denial: Option<Denial>,
}

/// That Redis refused a cost, for as long as that is believed without another question.
#[derive(Debug, Clone, Copy)]
struct Denial {
    cost: u32,
    retry_at_us: u64,
    believed_until_us: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Decided(Verdict),
    /// Redis has to be asked for up to so many multiples of the cost.
    Refill {
        most: u32,
    },
}

/// The bounds of all accounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) time_us: u64,
    pub(super) max_block: u32,
}

impl Account {
    pub(super) fn spend(&mut self, cost: u32, terms: Terms, now_us: u64) -> Step {
        if now_us < self.expires_us && self.balance >= cost {
            self.balance -= cost;
            let verdict = Verdict::new(Outcome::Admitted { wait: Duration::ZERO }, self.standing());
            return Step::Decided(verdict);
        }
        if let Some(denial) =
            self.denial.filter(|denial| cost >= denial.cost && now_us < denial.believed_until_us)
        {
            let retry_after = Duration::from_micros(denial.retry_at_us.saturating_sub(now_us).max(1));
            return Step::Decided(Verdict::new(Outcome::Refused { retry_after }, self.standing()));
        }
        // Used up within a quarter of its time: there is more to do than was thought.
        let is_fast = now_us.saturating_sub(self.taken_us) < terms.time_us / 4 && self.taken_us != 0;
        if is_fast {
            self.block = self.block.saturating_mul(2);
        }
        self.block = self.block.clamp(1, terms.max_block);
        Step::Refill { most: (self.block / cost.max(1)).max(1) }
    }

    /// Redis has charged so many times the cost, one of which is for the request that asked.
    pub(super) fn refilled(&mut self, times: u32, cost: u32, verdict: &Verdict, terms: Terms, now_us: u64) {
        self.standing = verdict.standing();
        let Some(extra) = times.checked_sub(1) else {
            return self.denied(cost, verdict, terms, now_us);
        };
        self.denial = None;
        // What is left of a block that has not expired stays usable no longer than it would have.
        let (left, expires_us) = match self.balance > 0 && now_us < self.expires_us {
            true => (self.balance, self.expires_us),
            false => (0, now_us + terms.time_us),
        };
        self.balance = left.saturating_add(extra.saturating_mul(cost));
        (self.expires_us, self.taken_us) = (expires_us, now_us);
    }

    fn denied(&mut self, cost: u32, verdict: &Verdict, terms: Terms, now_us: u64) {
        if let Some(retry_after) = verdict.retry_after() {
            let wait = u64::try_from(retry_after.as_micros()).unwrap_or(u64::MAX);
            let retry_at_us = now_us.saturating_add(wait);
            // Not for longer than a lease: the key may be reset, and others may give back.
            let believed_until_us = now_us.saturating_add(wait.min(terms.time_us));
            self.denial = Some(Denial { cost, retry_at_us, believed_until_us });
        }
    }

    /// What is to be given back, since its time is over. Little use makes the next block smaller.
    pub(super) fn expire(&mut self, now_us: u64) -> u32 {
        if self.balance == 0 || now_us < self.expires_us {
            return 0;
        }
        if self.balance >= self.block.div_ceil(2) {
            self.block /= 2;
        }
        std::mem::take(&mut self.balance)
    }

    /// All that is held, to be given back.
    pub(super) fn close(&mut self) -> u32 {
        std::mem::take(&mut self.balance)
    }

    /// Whether it can be forgotten without a trace.
    pub(super) fn is_idle(&self, now_us: u64) -> bool {
        self.balance == 0 && self.denial.is_none_or(|denial| now_us >= denial.believed_until_us)
    }

    /// As Redis had it, with what is held here.
    fn standing(&self) -> Option<Standing> {
        let held = self.balance;
        self.standing
            .map(|standing| Standing { remaining: standing.remaining.saturating_add(held), ..standing })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: Terms = Terms { time_us: 1000, max_block: 64 };

    fn admitted() -> Verdict {
        Verdict::new(Outcome::Admitted { wait: Duration::ZERO }, None)
    }

    proptest! {
        /// Whatever happens, no more is spent than was taken, nothing after its time, and the rest is given back once.
        #[test]
        fn what_is_taken_is_spent_or_given_back_and_never_twice(
            steps in prop::collection::vec((0..600_u64, 1..5_u32, 0..8_u32, any::<bool>()), 1..200),
        ) {
            let mut account = Account::default();
            let (mut now, mut taken, mut spent, mut returned) = (0, 0_u64, 0_u64, 0_u64);
            for (pause, cost, granted, expires) in steps {
                now += pause;
                if expires {
                    returned += u64::from(account.expire(now));
                }
                match account.spend(cost, TERMS, now) {
                    Step::Decided(verdict) => spent += u64::from(if verdict.is_admitted() { cost } else { 0 }),
                    Step::Refill { most } => {
                        // The caller gives back what has expired before it takes more.
                        returned += u64::from(account.expire(now));
                        let times = granted.min(most);
                        let retry_after = Duration::from_micros(300);
                        let verdict = match times {
                            0 => Verdict::new(Outcome::Refused { retry_after }, None),
                            _ => admitted(),
                        };
                        account.refilled(times, cost, &verdict, TERMS, now);
                        taken += u64::from(times * cost);
                        spent += u64::from(if times > 0 { cost } else { 0 });
                    }
                }
                prop_assert!(spent + returned + u64::from(account.balance) == taken);
                prop_assert!(account.balance <= TERMS.max_block + 4);
            }
        }
    }

    #[test]
    fn blocks_grow_while_they_are_used_up_quickly_and_shrink_when_they_are_not() {
        let mut account = Account::default();
        let mut asked = Vec::new();
        for number in 1..=8 {
            let Step::Refill { most } = account.spend(1, TERMS, number * 10) else {
                panic!("nothing is held")
            };
            asked.push(most);
            account.refilled(most, 1, &admitted(), TERMS, number * 10);
            while account.balance > 0 {
                assert!(matches!(account.spend(1, TERMS, number * 10), Step::Decided(_)));
            }
        }
        assert_eq!(asked, [1, 2, 4, 8, 16, 32, 64, 64]);
        account.refilled(64, 1, &admitted(), TERMS, 100);
        assert_eq!(account.expire(1100), 63);
        assert_eq!(account.spend(1, TERMS, 5000), Step::Refill { most: 32 });
    }

    #[test]
    fn a_refusal_is_believed_for_its_time_and_for_costs_that_are_no_smaller() {
        let mut account = Account::default();
        let refused = Verdict::new(Outcome::Refused { retry_after: Duration::from_micros(5000) }, None);
        account.refilled(0, 2, &refused, TERMS, 10);
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
}
