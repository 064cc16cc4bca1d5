//! One execution on its way.

use std::time::Duration;

use integridai_tower::client::{ClientError, Retry};
use integridai_tower::{CorrelationId, Deadline};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Backoff, Journal, WorkflowError};
use crate::events::Event;

/// Whose request an execution comes from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The request.
    pub correlation_id: CorrelationId,
    /// Who made it; `None` where nobody was asked to tell.
    pub user_id: Option<String>,
    /// Which user of this name its events are for; see [`identity`](crate::identity).
    pub owner: Option<String>,
    /// Whose turn it takes in the queue, and whose idempotency keys it uses.
    pub principal: String,
}

/// One execution on its way.
#[derive(Debug)]
pub struct Run {
    /// Which one.
    pub id: Uuid,
    /// The request it belongs to.
    pub correlation_id: CorrelationId,
    /// Who asked.
    pub user_id: Option<String>,
    /// Which user of this name; see [`identity`](crate::identity).
    pub owner: Option<String>,
    /// When it was asked for; a run after a restart has that of the first.
    pub created_at: OffsetDateTime,
    /// When it must be over.
    pub deadline: Deadline,
    /// When it began.
    pub begun: Instant,
    /// Its steps.
    pub journal: Journal,
    /// How often its steps are tried; `None`: once, for somebody waits.
    pub backoff: Option<Backoff>,
    /// What happened, to be told when the run has ended.
    pub events: Vec<Event>,
}

impl Run {
    /// Names the effect of one step, so that it is had once however often the step is tried.
    #[must_use]
    pub fn idempotency_key(&self, step: &str) -> String {
        format!("{}:{step}", self.id)
    }

    /// A failed call of the last step, with the pause after which it is tried again if it is.
    #[must_use]
    pub fn failed(&self, error: ClientError) -> WorkflowError {
        let mut failure = WorkflowError::of_call(error);
        failure.again_in = failure.source.as_ref().and_then(|error| self.pause(error, failure.retry_after));
        failure
    }

    /// Whether a step failed that could be tried again, but has been often enough; not where time ran out first.
    pub(super) fn is_exhausted(&self, failure: &WorkflowError) -> bool {
        let tries = self.journal.last_tries();
        let is_last = self.backoff.is_some_and(|backoff| tries >= backoff.max_tries);
        let can_be_tried = |error: &ClientError| error.retry() != Retry::No;
        is_last && !self.deadline.has_passed() && failure.source.as_ref().is_some_and(can_be_tried)
    }

    /// No pause is worth it that ends after the deadline.
    fn pause(&self, error: &ClientError, asked: Option<Duration>) -> Option<Duration> {
        let pause = self.backoff?.pause(error, asked, self.journal.last_tries(), rand::random())?;
        (pause < self.deadline.remaining()).then_some(pause)
    }
}
