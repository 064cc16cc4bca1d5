//! The time of the day, injectable.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time of the day: that of the system, or one that a test sets. A clone tells the same time.
///
/// What must not jump when the system's time is corrected, such as a back-off, is measured on tokio's clock instead,
/// which tests can pause.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `since_epoch`, the time since 1970-01-01 UTC, until it is advanced.
    ///
    /// ```
    /// use std::time::Duration;
    /// use integridai_tower::Clock;
    ///
    /// let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(clock.since_epoch().as_secs(), 1_700_000_005);
    /// ```
    #[must_use]
    pub fn stopped(since_epoch: Duration) -> Self {
        Self(Some(Arc::new(AtomicU64::new(nanoseconds(since_epoch)))))
    }

    /// Moves a stopped clock forward, for all its clones. The system's time is not moved.
    pub fn advance(&self, time: Duration) {
        if let Some(now) = &self.0 {
            now.fetch_add(nanoseconds(time), Ordering::Relaxed);
        }
    }

    /// The time since 1970-01-01 UTC; zero where the system's clock stands before that.
    #[must_use]
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            Some(now) => Duration::from_nanos(now.load(Ordering::Relaxed)),
            None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(stopped)" } else { "Clock(system)" })
    }
}

/// Enough until the year 2554.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
