//! The quotas of one limiter, checked.

use std::cmp::Reverse;
use std::time::Duration;

use super::fields::PolicyFields;
use super::pace::{Charge, MAX_DEBT, Pace};
use super::{Outcome, Quota, Standing, Verdict};
use crate::ConfigError;

/// The greatest number of quotas of one limiter.
pub const MAX_QUOTAS: usize = 4;

/// What is owed to each quota, in its own ticks. Entries beyond the quotas are zero.
pub(super) type Debts = [u64; MAX_QUOTAS];

/// The quotas of a limiter: a request has to conform to all of them, and is charged to all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    quotas: Vec<Quota>,
    paces: Vec<Pace>,
    fields: PolicyFields,
}

impl Quotas {
    /// Checks quotas that hold together.
    ///
    /// # Errors
    /// Where there is none, more than [`MAX_QUOTAS`], one that cannot work, or two of one name.
    pub fn new(quotas: impl IntoIterator<Item = Quota>) -> Result<Self, ConfigError> {
        let quotas: Vec<Quota> = quotas.into_iter().take(MAX_QUOTAS + 1).collect();
        if quotas.is_empty() || quotas.len() > MAX_QUOTAS {
            return Err(ConfigError::new("quotas", format!("expected 1 to {MAX_QUOTAS} quotas")));
        }
        for (at, quota) in quotas.iter().enumerate() {
            if quotas[..at].iter().any(|earlier| earlier.name() == quota.name()) {
                return Err(ConfigError::new("quotas", format!("two are named {}", quota.name())));
            }
        }
        let paces = quotas.iter().map(Pace::new).collect::<Result<_, _>>()?;
        let fields = PolicyFields::new(&quotas)?;
        Ok(Self { quotas, paces, fields })
    }

    /// The quotas, in the order in which they were given.
    pub fn as_slice(&self) -> &[Quota] {
        &self.quotas
    }

    pub(super) fn paces(&self) -> &[Pace] {
        &self.paces
    }

    pub(super) fn fields(&self) -> &PolicyFields {
        &self.fields
    }

    /// Charges a request to all quotas, if it conforms to all; `debts` are what is owed now, and remain where it is refused.
    pub(super) fn decide(&self, debts: &mut Debts, cost: u32, patience: Duration) -> Verdict {
        let mut charged = *debts;
        let mut wait = Duration::ZERO;
        for (pace, debt) in self.paces.iter().zip(&mut charged) {
            let Some(charge) = pace.charge(*debt, cost) else {
                return Verdict::new(Outcome::TooCostly, self.standing(debts));
            };
            let Charge { debt: after, wait: ticks } = charge;
            *debt = after;
            if ticks > 0 {
                wait = wait.max(pace.time(ticks));
            }
        }
        let is_told = charged.iter().all(|debt| *debt <= MAX_DEBT);
        if wait > patience || !is_told {
            return Verdict::new(Outcome::Refused { retry_after: wait }, self.standing(debts));
        }
        *debts = charged;
        Verdict::new(Outcome::Admitted { wait }, self.standing(debts))
    }

    /// Gives back what requests of this cost had taken.
    pub(super) fn refund(&self, debts: &mut Debts, cost: u32) {
        for (pace, debt) in self.paces.iter().zip(debts) {
            *debt = debt.saturating_sub(pace.price(cost));
        }
    }

    /// The quota with the least left; of two, the one that is longest away from its whole.
    pub(super) fn standing(&self, debts: &Debts) -> Option<Standing> {
        let standing = |((pace, debt), place): ((&Pace, &u64), u8)| pace.standing(place, *debt);
        let standings = self.paces.iter().zip(debts).zip(0..).map(standing);
        standings.min_by_key(|standing| (standing.remaining, Reverse(standing.reset_after)))
    }

    /// What is owed to these quotas by somebody who owed that to `former` ones; quotas are the same by their name.
    pub(super) fn convert(&self, former: &Self, debts: &Debts) -> Debts {
        let mut converted = Debts::default();
        for ((quota, pace), debt) in self.quotas.iter().zip(&self.paces).zip(&mut converted) {
            let place = former.quotas.iter().position(|earlier| earlier.name() == quota.name());
            if let Some(place) = place {
                *debt = former.paces[place].convert(debts[place], pace);
            }
        }
        converted
    }
}
