//! What a replica holds of one key's quota ahead of use: pure, `(state, request, now) → action`.

use std::sync::Arc;
use std::time::Duration;

use crate::rate_limit::quotas::Debts;
use crate::rate_limit::redis::script::Charged;
use crate::rate_limit::{Outcome, Quotas, Standing, Verdict};

/// A block of the shared quota. It was charged when it was taken; whatever is spent of it within its time needs no question.
#[derive(Debug, Default)]
pub(super) struct Account {
    balance: u32,
    /// What the balance was charged as.
    lot: Option<Lot>,
    /// Times in µs.
    expires_us: u64,
    taken_us: u64,
    /// What to ask for next time.
    block: u32,
    standing: Option<Standing>,
    denial: Option<Denial>,
}

/// A charge of which a part may be given back.
#[derive(Debug)]
struct Lot {
    quotas: Arc<Quotas>,
    /// What was owed once it was charged.
    debts: Debts,
    /// No later than when that was, in µs.
    charged_us: u64,
    outages: u32,
}

/// What Redis answered to a refill.
#[derive(Debug)]
pub(super) struct Grant {
    /// How often it took the cost.
    pub(super) times: u32,
    pub(super) cost: u32,
    pub(super) verdict: Verdict,
    pub(super) quotas: Arc<Quotas>,
    pub(super) debts: Debts,
    pub(super) asked_us: u64,
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
            // What is given back of it goes to the Redis that charged it.
            let outages = self.lot.as_ref().map_or(0, |lot| lot.outages);
            return Step::Decided(verdict.after_outages(outages));
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

    /// Takes up what Redis has answered; `used` of the times are for a request that is admitted with it. What is told to that one.
    pub(super) fn refilled(&mut self, grant: Grant, used: u32, terms: Terms, now_us: u64) -> Verdict {
        let (outcome, times, cost) = (grant.verdict.outcome(), grant.times, grant.cost);
        let outages = grant.verdict.outages();
        self.standing = grant.verdict.standing();
        if times == 0 {
            self.denied(cost, &grant.verdict, terms, now_us);
            return Verdict::new(outcome, self.standing());
        }
        self.denial = None;
        self.taken_us = now_us;
        let units = times.saturating_sub(used).saturating_mul(cost);
        if self.balance == 0 {
            // From when it was asked for: it was charged no earlier.
            self.expires_us = grant.asked_us.saturating_add(terms.time_us);
            self.lot = Some(Lot::of(grant));
        }
        // What is left of an earlier block lets this one be usable no longer than that.
        self.balance = self.balance.saturating_add(units);
        Verdict::new(outcome, self.standing()).after_outages(outages)
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
    pub(super) fn expire(&mut self, now_us: u64) -> Option<Charged> {
        if self.balance == 0 || now_us < self.expires_us {
            return None;
        }
        if self.balance >= self.block.div_ceil(2) {
            self.block /= 2;
        }
        self.close(now_us)
    }

    /// All that is held, to be given back.
    pub(super) fn close(&mut self, now_us: u64) -> Option<Charged> {
        let units = std::mem::take(&mut self.balance);
        let lot = self.lot.take()?;
        (units > 0).then(|| lot.unused(units, now_us))
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

impl Lot {
    fn of(grant: Grant) -> Self {
        let Grant { quotas, debts, asked_us, verdict, .. } = grant;
        Self { quotas, debts, charged_us: asked_us, outages: verdict.outages() }
    }

    /// So many units of it, as far as they have not come back by themselves: what was owed then is the latest that they can be owed.
    fn unused(self, units: u32, now_us: u64) -> Charged {
        let elapsed_us = now_us.saturating_sub(self.charged_us);
        let mut ticks = Debts::default();
        for ((pace, debt), ticks) in self.quotas.paces().iter().zip(self.debts).zip(&mut ticks) {
            let still_owed = debt.saturating_sub(elapsed_us.saturating_mul(pace.ticks_per_us));
            *ticks = pace.price(units).min(still_owed);
        }
        Charged { quotas: self.quotas, ticks, outages: self.outages }
    }
}

#[cfg(test)]
mod tests;
