//! How often, when and what to repeat.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::request::Parts;

use super::backoff::Backoff;
use super::decision::Rules;
use super::{Decision, RetryLayer};
use crate::ConfigError;
use crate::client::{AttemptBudget, IDEMPOTENCY_KEY};

type Repeatable = dyn Fn(&Parts) -> bool + Send + Sync;
type Listener = dyn Fn(&AttemptEnded) + Send + Sync;

/// How often, when and what to repeat.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::client::retry::RetryOptions;
///
/// let retry = RetryOptions::new()
///     .attempts(4)
///     .backoff(Duration::from_millis(100), Duration::from_secs(5))
///     .retry_after_at_most(Duration::from_secs(10))
///     .build()?;
/// # let _ = retry;
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RetryOptions {
    pub(super) rules: Rules,
    pub(super) budget: Option<AttemptBudget>,
    repeatable: Option<Arc<Repeatable>>,
    listener: Option<Arc<Listener>>,
}

/// An attempt that ended, for [`RetryOptions::on_attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptEnded {
    /// Which one, from 1.
    pub attempt: u32,
    /// What followed from it.
    pub decision: Decision,
}

impl RetryOptions {
    /// Three attempts, with pauses of up to 50 ms and 100 ms by chance; `Retry-After` of up to 30 s; no attempt for which less
    /// than 5 ms are left; a budget of its own, [`AttemptBudget::for_retries`].
    pub fn new() -> Self {
        let backoff = Backoff { first: Duration::from_millis(50), most: Duration::from_secs(2) };
        let (retry_after_most, needed) = (Duration::from_secs(30), Duration::from_millis(5));
        let rules = Rules { attempts: 3, backoff, retry_after_most, needed };
        Self { rules, budget: None, repeatable: None, listener: None }
    }

    /// The greatest number of attempts, the first included; 1 never repeats.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.rules.attempts = attempts;
        self
    }

    /// The bound of the first pause, which doubles with each attempt, and the greatest bound. A pause is any time up to its bound.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.rules.backoff = Backoff { first, most };
        self
    }

    /// A service that asks to be left alone for longer is not asked again.
    pub fn retry_after_at_most(mut self, time: Duration) -> Self {
        self.rules.retry_after_most = time;
        self
    }

    /// An attempt that would begin with less than `time` left before the request's [`Deadline`](crate::Deadline) is not made.
    pub fn at_least(mut self, time: Duration) -> Self {
        self.rules.needed = time;
        self
    }

    /// The budget, to be shared by all who call one service.
    pub fn budget(mut self, budget: AttemptBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Which requests may have their effect twice, instead of those whose method is idempotent (RFC 9110 §9.2.2) or that
    /// have an `Idempotency-Key`. gRPC, for one, sends everything by POST.
    pub fn repeatable(mut self, repeatable: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.repeatable = Some(Arc::new(repeatable));
        self
    }

    /// Is told of each attempt that ended, while its call waits: must not block.
    pub fn on_attempt(mut self, listener: impl Fn(&AttemptEnded) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The layer. Its clones and all services that it makes share the budget.
    ///
    /// # Errors
    /// Where a setting cannot work.
    pub fn build(self) -> Result<RetryLayer, ConfigError> {
        let Rules { attempts, backoff, retry_after_most, needed } = self.rules;
        const MOST: Duration = Duration::from_secs(3600);
        let settings = [
            ("attempts", (1..=100).contains(&attempts), "expected 1 to 100"),
            (
                "backoff",
                backoff.first <= backoff.most && backoff.most <= MOST,
                "expected to grow, up to an hour",
            ),
            ("retry_after_at_most", retry_after_most <= MOST, "expected up to an hour"),
            ("at_least", needed <= MOST, "expected up to an hour"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))?;
        Ok(RetryLayer::with(self))
    }

    /// The request comes back as it was: a closure sees all of its head.
    pub(super) fn is_repeatable<B>(&self, request: Request<B>) -> (Request<B>, bool) {
        let Some(repeatable) = &self.repeatable else {
            let is_repeatable =
                request.method().is_idempotent() || request.headers().contains_key(IDEMPOTENCY_KEY);
            return (request, is_repeatable);
        };
        let (parts, body) = request.into_parts();
        let is_repeatable = repeatable(&parts);
        (Request::from_parts(parts, body), is_repeatable)
    }

    pub(super) fn tell(&self, attempt: u32, decision: Decision) {
        if let Some(listener) = &self.listener {
            listener(&AttemptEnded { attempt, decision });
        }
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RetryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = f.debug_struct("RetryOptions");
        printer.field("rules", &self.rules).field("budget", &self.budget).finish_non_exhaustive()
    }
}
