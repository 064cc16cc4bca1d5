//! How an exchange that is passed on goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When bytes last went either way, and whether the head of the answer has come.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    last_milliseconds: AtomicU64,
    is_answered: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            last_milliseconds: AtomicU64::new(0),
            is_answered: AtomicBool::new(false),
        }
    }
}

impl Progress {
    /// Something went on just now.
    pub fn mark(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_milliseconds.store(now, Ordering::Relaxed);
    }

    /// The head of the answer has come.
    pub fn answer(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the head of the answer has come.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// How long it has lasted.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.began.elapsed()
    }

    /// When nothing has gone either way for so long.
    pub async fn still_for(&self, time: Duration) {
        loop {
            let last = Duration::from_millis(self.last_milliseconds.load(Ordering::Relaxed));
            let until = self.began + last + time;
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }
}
