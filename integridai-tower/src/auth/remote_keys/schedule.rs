//! When to fetch: pure, `(state, now) → moment`.

use std::time::Duration;

use tokio::time::Instant;

/// How often keys are fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From a success to the next attempt.
    pub(super) refresh_every: Duration,
    /// Between two attempts that unknown keys ask for.
    pub(super) cooldown: Duration,
    /// How long keys are of use after the last success.
    pub(super) max_age: Duration,
}

/// The first wait after a failure; it doubles with each, up to the usual one.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Instead of a moment that the clock cannot hold.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What came of the attempts so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attempts {
    failures: u32,
    last_end: Option<Instant>,
    last_success: Option<Instant>,
}

impl Attempts {
    pub(super) fn succeeded(&mut self, now: Instant) {
        *self = Self { failures: 0, last_end: Some(now), last_success: Some(now) };
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.last_end = Some(now);
    }

    /// When to fetch next if nobody asks for it.
    pub(super) fn next(&self, pace: &Pace, now: Instant) -> Instant {
        let Some(last) = self.last_end else { return now };
        let wait = match self.failures {
            0 => pace.refresh_every,
            failures => {
                let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures - 1));
                doubled.min(pace.refresh_every)
            }
        };
        last.checked_add(wait).unwrap_or_else(|| now + FAR)
    }

    /// Whether an unknown key may have keys fetched now.
    pub(super) fn may_be_asked(&self, pace: &Pace, now: Instant) -> bool {
        self.last_end.is_none_or(|last| now.saturating_duration_since(last) >= pace.cooldown)
    }

    /// Until when what was fetched last is to be trusted; `None` also where that is beyond what the clock can tell.
    pub(super) fn end_of_age(&self, pace: &Pace) -> Option<Instant> {
        self.last_success?.checked_add(pace.max_age)
    }

    /// Whether what was fetched last is still to be trusted.
    pub(super) fn is_current(&self, pace: &Pace, now: Instant) -> bool {
        self.last_success.is_some_and(|last| now.saturating_duration_since(last) < pace.max_age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        refresh_every: Duration::from_secs(300),
        cooldown: Duration::from_secs(30),
        max_age: Duration::from_secs(3_600),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_retried_ever_more_slowly_up_to_the_usual_pace() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        assert_eq!(attempts.next(&PACE, start), start, "the first at once");
        let waits: Vec<u64> = (0..12)
            .map(|_| {
                attempts.failed(start);
                (attempts.next(&PACE, start) - start).as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        (0..100).for_each(|_| attempts.failed(start));
        assert_eq!(attempts.next(&PACE, start), start + seconds(300));
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_are_heard_once_per_cooldown_and_old_keys_end() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        assert!(attempts.may_be_asked(&PACE, start) && !attempts.is_current(&PACE, start));
        attempts.succeeded(start);
        assert!(!attempts.may_be_asked(&PACE, start + seconds(29)));
        assert!(attempts.may_be_asked(&PACE, start + seconds(30)));
        attempts.failed(start + seconds(300));
        assert!(attempts.is_current(&PACE, start + seconds(3_599)), "kept through failures");
        assert!(!attempts.is_current(&PACE, start + seconds(3_600)));
    }
}
