//! What happened lately, in constant memory and without a lock.

mod count;
mod time;

use std::time::Duration;

use count::CountWindow;
use time::TimeWindow;

/// How far back a circuit looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookback {
    /// The last so many calls.
    Calls(u32),
    /// This long, in sixteen parts of which the oldest is let go at a time.
    Time(Duration),
}

/// What was counted within the lookback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that ended, without those that were ignored.
    pub calls: u64,
    /// Of them, those that failed.
    pub failures: u64,
    /// Of them, those that were slow, failed or not.
    pub slow: u64,
}

/// A window that slides: each call that is recorded pushes out what is too old.
#[derive(Debug)]
pub(super) enum Window {
    Count(CountWindow),
    Time(TimeWindow),
}

impl Window {
    pub(super) fn new(lookback: Lookback) -> Self {
        match lookback {
            Lookback::Calls(calls) => Self::Count(CountWindow::new(calls)),
            Lookback::Time(time) => Self::Time(TimeWindow::new(time)),
        }
    }

    /// The time is read where it matters.
    pub(super) fn record(&self, has_failed: bool, is_slow: bool, now_us: impl FnOnce() -> u64) {
        match self {
            Self::Count(window) => window.record(has_failed, is_slow),
            Self::Time(window) => window.record(has_failed, is_slow, now_us()),
        }
    }

    pub(super) fn counts(&self, now_us: impl FnOnce() -> u64) -> Counts {
        match self {
            Self::Count(window) => window.counts(),
            Self::Time(window) => window.counts(now_us()),
        }
    }

    pub(super) fn clear(&self) {
        match self {
            Self::Count(window) => window.clear(),
            Self::Time(window) => window.clear(),
        }
    }
}

#[cfg(test)]
mod tests;
