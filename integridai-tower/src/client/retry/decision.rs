//! Whether there is another attempt.

use std::time::Duration;

use super::backoff::Backoff;
use crate::client::AttemptOutcome;

/// What followed from the end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// Another attempt.
    Again {
        /// After this pause.
        pause: Duration,
    },
    /// What the attempt gave is handed on: it is final.
    Done,
    /// What the attempt gave is handed on, although it failed.
    GivenUp(GivenUp),
}

/// Why a failure was not followed by another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GivenUp {
    /// The service may have acted, and the request would have its effect twice.
    NotRepeatable,
    /// The body can be sent only once.
    BodySent,
    /// There were as many attempts as there may be.
    Attempts,
    /// The service asks to be left alone for longer than anybody waits.
    RetryAfter,
    /// The next attempt would have too little time before the deadline.
    Deadline,
    /// All upstream calls together have been repeated often enough.
    Budget,
}

/// What is settled before the first attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) retry_after_most: Duration,
    pub(super) needed: Duration,
}

/// What is known when an attempt has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) outcome: AttemptOutcome,
    /// Attempts so far.
    pub(super) attempts: u32,
    /// Whether the request may have its effect twice.
    pub(super) is_repeatable: bool,
    pub(super) can_be_replayed: bool,
    /// The time left until the deadline, if there is one.
    pub(super) left: Option<Duration>,
}

impl Rules {
    /// `luck` is any number, all of them as likely. The budget is asked last, so that nothing is taken in vain.
    pub(super) fn decide(&self, ended: &Ended, luck: u32, budget: impl FnOnce() -> bool) -> Decision {
        let retry_after = match ended.outcome {
            AttemptOutcome::Final => return Decision::Done,
            AttemptOutcome::Failed { .. } if !ended.is_repeatable => {
                return Decision::GivenUp(GivenUp::NotRepeatable);
            }
            AttemptOutcome::Failed { retry_after } | AttemptOutcome::Unprocessed { retry_after } => {
                retry_after
            }
        };
        if ended.attempts >= self.attempts {
            return Decision::GivenUp(GivenUp::Attempts);
        }
        if !ended.can_be_replayed {
            return Decision::GivenUp(GivenUp::BodySent);
        }
        let asked = retry_after.unwrap_or_default();
        if asked > self.retry_after_most {
            return Decision::GivenUp(GivenUp::RetryAfter);
        }
        // On top of what the service asks for, or all its clients would come back at once.
        let pause = asked.saturating_add(self.backoff.pause(ended.attempts, luck));
        if ended.left.is_some_and(|left| left < pause.saturating_add(self.needed)) {
            return Decision::GivenUp(GivenUp::Deadline);
        }
        if !budget() {
            return Decision::GivenUp(GivenUp::Budget);
        }
        Decision::Again { pause }
    }
}
