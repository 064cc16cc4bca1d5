//! What a limiter says.

use std::time::Duration;

/// What a limiter says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    outcome: Outcome,
    standing: Option<Standing>,
    is_without_store: bool,
    /// How often the store that decided had gone before.
    outages: u32,
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
        Self { outcome, standing, is_without_store: false, outages: 0 }
    }

    /// The same, decided while the store that replicas share gave no answer.
    pub fn without_store(self) -> Self {
        Self { is_without_store: true, ..self }
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
    pub fn is_admitted(&self) -> bool {
        matches!(self.outcome, Outcome::Admitted { .. })
    }

    /// Whether, and if not, why.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How the key stands now with the quota that is nearest to its end; `None` where that is not known.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// Whether it was decided without the store that replicas share, since that gave no answer: what it took was not taken there.
    #[must_use]
    pub fn is_without_store(&self) -> bool {
        self.is_without_store
    }

    /// The time after which a refused request would be admitted.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.outcome {
            Outcome::Refused { retry_after } => Some(retry_after),
            _ => None,
        }
    }
}
