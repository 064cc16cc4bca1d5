//! That a call was let through, until it has ended.

use std::fmt;

use tokio::time::Instant;

use super::ConcurrencyLimit;
use super::gradient::{End, Sample};
use crate::client::Outcome;

/// A call that was let through. Say how it [ended](Self::end); dropped without that, it was given up, and what is known of it
/// is that it took at least this long.
#[must_use = "a permit that is dropped at once counts as a call that was given up"]
pub struct Permit {
    limit: ConcurrencyLimit,
    in_flight: u32,
    /// Not known before somebody takes it, nor where its time does not matter.
    began: Option<Instant>,
    end: End,
}

impl Permit {
    pub(super) fn new(limit: ConcurrencyLimit, in_flight: u32, began: Option<Instant>) -> Self {
        Self { limit, in_flight, began, end: End::GivenUp }
    }

    /// Somebody has taken it, and the call begins.
    pub(super) fn begin(mut self) -> Self {
        self.limit.has_begun();
        self.began = Some(Instant::now());
        self
    }

    /// The call has ended now, in this way.
    pub fn end(mut self, outcome: Outcome) {
        self.end = match outcome {
            Outcome::Success => End::Finished,
            Outcome::Overloaded | Outcome::Throttled => End::Overloaded,
            Outcome::Failure | Outcome::Refused | Outcome::Ignored => End::Ignored,
        };
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let ended = self.began.map(|began| {
            let now = Instant::now();
            let took_ns = u64::try_from(now.saturating_duration_since(began).as_nanos()).unwrap_or(u64::MAX);
            (Sample { took_ns, in_flight: self.in_flight, end: self.end }, now)
        });
        self.limit.leave(ended);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("limit", &self.limit).finish_non_exhaustive()
    }
}
