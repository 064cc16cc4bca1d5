//! What a limiter says.

use std::fmt;
use std::time::Duration;

use super::pace::Pace;

/// What a limiter says to one request.
#[derive(Clone, Copy)]
#[must_use]
pub struct Verdict {
    finding: Finding,
    is_without_store: bool,
    /// Whether it was charged to what keys without room share.
    is_shared: bool,
    /// How often the store that decided had gone before.
    outages: u32,
}

/// What was found. By the only quota, it is kept in ticks: it takes divisions to tell them as times, and few ask.
#[derive(Clone, Copy)]
enum Finding {
    Told { outcome: Outcome, standing: Option<Standing> },
    Admitted { pace: Pace, debt: u64 },
    Refused { pace: Pace, debt: u64, wait: u64 },
}

/// Whether a request is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It may go on, after this long; zero unless the caller said that it would wait.
    Admitted {
        /// From now.
        wait: Duration,
    },
    /// Nothing was taken from the quota.
    Refused {
        /// The time after which it would be admitted, were nobody else to come.
        retry_after: Duration,
    },
    /// It costs more than the quota ever has, so that no waiting helps.
    TooCostly,
    /// The limiter has no room for a further key, and does not let keys share what is left.
    NoRoom,
    /// The store that replicas share cannot be asked, and the limiter refuses then.
    Unavailable,
}

/// How the key stands with the quota that is nearest to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its place among the limiter's quotas.
    pub quota: u8,
    /// How many more would be admitted now.
    pub remaining: u32,
    /// The time until all of it has come back.
    pub reset_after: Duration,
}

impl Verdict {
    /// A verdict, for limiters of yours.
    pub fn new(outcome: Outcome, standing: Option<Standing>) -> Self {
        Self::of(Finding::Told { outcome, standing })
    }

    /// Admitted at once by the only quota, to which so many ticks are owed now.
    #[inline]
    pub(super) fn admitted(pace: &Pace, debt: u64) -> Self {
        Self::of(Finding::Admitted { pace: *pace, debt })
    }

    /// Refused by the only quota, to which so many ticks are owed; it would be admitted after a wait of so many.
    #[inline]
    pub(super) fn refused(pace: &Pace, debt: u64, wait: u64) -> Self {
        Self::of(Finding::Refused { pace: *pace, debt, wait })
    }

    pub(super) fn without_room() -> Self {
        Self::new(Outcome::NoRoom, None)
    }

    #[inline]
    fn of(finding: Finding) -> Self {
        Self { finding, is_without_store: false, is_shared: false, outages: 0 }
    }

    #[inline]
    pub(super) fn is_admitted_at_once(&self) -> bool {
        match &self.finding {
            Finding::Admitted { .. } => true,
            Finding::Refused { .. } => false,
            Finding::Told { outcome, .. } => *outcome == Outcome::Admitted { wait: Duration::ZERO },
        }
    }

    #[inline]
    pub(super) fn is_without_room(&self) -> bool {
        matches!(self.finding, Finding::Told { outcome: Outcome::NoRoom, .. })
    }

    /// The same, decided while the store that replicas share gave no answer.
    pub fn without_store(self) -> Self {
        Self { is_without_store: true, ..self }
    }

    /// The same, charged to what keys without room share.
    pub(super) fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The same, by a store that had gone as often before.
    pub(super) fn after_outages(self, outages: u32) -> Self {
        Self { outages, ..self }
    }

    pub(super) fn outages(&self) -> u32 {
        self.outages
    }

    /// Whether it may go on.
    #[must_use]
    #[inline]
    pub fn is_admitted(&self) -> bool {
        match self.finding {
            Finding::Admitted { .. } => true,
            Finding::Refused { .. } => false,
            Finding::Told { outcome, .. } => matches!(outcome, Outcome::Admitted { .. }),
        }
    }

    /// Whether, and if not, why.
    #[must_use]
    #[inline]
    pub fn outcome(&self) -> Outcome {
        match &self.finding {
            Finding::Told { outcome, .. } => *outcome,
            Finding::Admitted { .. } => Outcome::Admitted { wait: Duration::ZERO },
            Finding::Refused { pace, wait, .. } => Outcome::Refused { retry_after: pace.time(*wait) },
        }
    }

    /// How the key stands now with the quota that is nearest to its end; `None` where that is not known.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match &self.finding {
            Finding::Told { standing, .. } => *standing,
            Finding::Admitted { pace, debt } | Finding::Refused { pace, debt, .. } => {
                Some(pace.standing(0, *debt))
            }
        }
    }

    /// Whether it was decided without the store that replicas share, since that gave no answer: what it took was not taken there.
    #[must_use]
    pub fn is_without_store(&self) -> bool {
        self.is_without_store
    }

    /// The time after which a refused request would be admitted.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.outcome() {
            Outcome::Refused { retry_after } => Some(retry_after),
            _ => None,
        }
    }
}

impl PartialEq for Verdict {
    fn eq(&self, other: &Self) -> bool {
        let all = |verdict: &Self| {
            (
                verdict.outcome(),
                verdict.standing(),
                verdict.is_without_store,
                verdict.is_shared,
                verdict.outages,
            )
        };
        all(self) == all(other)
    }
}

impl Eq for Verdict {}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict")
            .field("outcome", &self.outcome())
            .field("standing", &self.standing())
            .field("is_without_store", &self.is_without_store)
            .finish_non_exhaustive()
    }
}
