//! When to try a failed write again: 100 ms at first, doubling to 5 s.
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Retry {
    at: Option<Instant>,
    delay: Duration,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { at: None, delay: FIRST }
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.at = Some(now + self.delay);
        self.delay = (self.delay * 2).min(LONGEST);
    }

    /// A failure beside the attempts: brings the first one about, and never puts off the next.
    pub(super) fn noticed(&mut self, now: Instant) {
        if self.at.is_none() {
            self.failed(now);
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::new();
    }

    /// When the next attempt is due; `None` while nothing has failed.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Whether a write may be attempted.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    /// Makes the next attempt due now.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.at = self.at.map(|_| now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_further_and_further_apart_and_start_anew_after_a_success() {
        let start = Instant::now();
        let mut retry = Retry::new();
        assert!(retry.is_due(start));
        let waits: Vec<u128> = (0..8)
            .map(|_| {
                retry.failed(start);
                retry.at().unwrap().duration_since(start).as_millis()
            })
            .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert!(!retry.is_due(start + Duration::from_millis(4999)));
        assert!(retry.is_due(start + Duration::from_secs(5)));
        retry.noticed(start + Duration::from_secs(9));
        assert!(retry.is_due(start + Duration::from_secs(5)));
        retry.hurry(start);
        assert!(retry.is_due(start));
        retry.succeeded();
        assert_eq!(retry.at(), None);
    }
}
