//! How long a whole request may still take.

use std::time::Duration;

use tokio::time::Instant;

/// The moment after which an answer is of no use to whoever asked.
///
/// Measured on tokio's clock, so tests can pause it. Put it into a request's extensions or hand it to a client
/// call; whoever passes a request on passes the same deadline on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `time` from now. A `time` that the clock cannot hold counts as 30 years.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self::since(Instant::now(), time)
    }

    /// For whoever knows what time it is, which costs more to ask than all else here.
    pub(crate) fn since(now: Instant, time: Duration) -> Self {
        const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
        Self(now.checked_add(time).unwrap_or_else(|| now + FAR))
    }

    /// At this moment.
    pub(crate) fn at(moment: Instant) -> Self {
        Self(moment)
    }

    /// The earlier of this deadline and the moment `time` from now.
    #[must_use]
    pub fn or_after(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// The time left; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// The deadline on tokio's clock, for [`tokio::time::timeout_at`].
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counts_down_and_never_grows() {
        let deadline = Deadline::after(Duration::from_secs(2));
        assert_eq!(deadline.or_after(Duration::from_secs(5)), deadline);
        assert!(deadline.or_after(Duration::from_secs(1)) < deadline);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert!(deadline.has_passed());
    }

    #[tokio::test]
    async fn an_endless_time_does_not_overflow() {
        assert!(Deadline::after(Duration::MAX).remaining() > Duration::from_secs(86_400));
    }
}
