//! When a step that failed is tried again.

use std::time::Duration;

use integridai_tower::client::{ClientError, Retry};

/// How often a step is tried, and how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Tries of one step, the first among them.
    pub max_tries: u32,
    /// Before the second try.
    pub base: Duration,
    /// The longest pause, whatever a service asks for.
    pub max: Duration,
}

impl Backoff {
    /// How long to wait after so many failed tries; `None`: no more, for none is left or it would be in vain.
    /// `chance` is from 0 to 1 and spreads those that failed together; a service that says when to come back is not
    /// asked earlier.
    #[must_use]
    pub fn pause(
        &self,
        error: &ClientError,
        asked: Option<Duration>,
        tries: u32,
        chance: f64,
    ) -> Option<Duration> {
        let least = match error.retry() {
            Retry::No => return None,
            Retry::After(time) => time.max(asked.unwrap_or_default()),
            _ => asked.unwrap_or_default(),
        };
        (tries < self.max_tries).then(|| self.spread(tries, chance).max(least.min(self.max)))
    }

    /// Twice as long each time, of which at least half.
    fn spread(&self, tries: u32, chance: f64) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        let whole = self.base.saturating_mul(1 << doublings).min(self.max);
        whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_greatest_and_are_spread_over_their_upper_half() {
        let backoff = Backoff { max_tries: 9, base: Duration::from_secs(1), max: Duration::from_secs(60) };
        let whole: Vec<u64> = (1..9).map(|tries| backoff.spread(tries, 1.0).as_secs()).collect();
        assert_eq!(whole, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.spread(2, 0.0), Duration::from_secs(1));
        assert_eq!(backoff.spread(u32::MAX, 0.5), Duration::from_secs(45));
    }
}
