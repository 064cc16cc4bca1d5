//! How long to wait before another attempt.

use std::time::Duration;

/// Exponential back-off with full jitter: any time from nothing up to a bound that doubles.
///
/// Whatever clients fail together, their attempts are spread over the whole of the time, which is what frees a service that
/// is overloaded soonest (Brooker, *Exponential Backoff And Jitter*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) most: Duration,
}

impl Backoff {
    /// The longest pause after this many attempts.
    pub(super) fn bound(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).unwrap_or(Duration::MAX).min(self.most)
    }

    /// The pause after this many attempts. `luck` is any number, all of them as likely.
    pub(super) fn pause(self, attempts: u32, luck: u32) -> Duration {
        let bound = self.bound(attempts).as_nanos();
        let share = bound * u128::from(luck) / u128::from(u32::MAX);
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }
}
