//! The time of the day, injectable.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time of the day: that of the system, or one that a test sets or pauses. A clone tells the same time.
///
/// What must not jump when the system's time is corrected is measured on a clock of its own that starts with this one, and
/// what is waited for, such as a back-off, on tokio's, which tests can pause.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System { start: Instant },
    Tokio { start: tokio::time::Instant, since_epoch: Duration },
    Stopped(Arc<AtomicU64>),
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
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
        Self(Source::Stopped(Arc::new(AtomicU64::new(nanoseconds(since_epoch)))))
    }

    /// tokio's clock, which tests can pause and advance. It starts at the system's time of this moment.
    #[must_use]
    pub fn tokio() -> Self {
        let since_epoch = Self::system().since_epoch();
        Self(Source::Tokio { start: tokio::time::Instant::now(), since_epoch })
    }

    /// Moves a stopped clock forward, for all its clones. The system's time is not moved, nor is tokio's.
    pub fn advance(&self, time: Duration) {
        if let Source::Stopped(now) = &self.0 {
            now.fetch_add(nanoseconds(time), Ordering::Relaxed);
        }
    }

    /// Whether it tells the system's time.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self.0, Source::System { .. })
    }

    /// The time since a point that stays the same for all clones of a clock; it never goes back.
    pub(crate) fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::Stopped(now) => Duration::from_nanos(now.load(Ordering::Relaxed)),
            Source::System { start } => start.elapsed(),
            Source::Tokio { start, .. } => start.elapsed(),
        }
    }

    /// The time since 1970-01-01 UTC; zero where the system's clock stands before that.
    #[must_use]
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            Source::Stopped(now) => Duration::from_nanos(now.load(Ordering::Relaxed)),
            Source::Tokio { start, since_epoch } => *since_epoch + start.elapsed(),
            Source::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::System { .. } => "Clock(system)",
            Source::Tokio { .. } => "Clock(tokio)",
            Source::Stopped(_) => "Clock(stopped)",
        })
    }
}

/// Enough until the year 2554.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
