use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::limiter::LeasedLimiter;

/// Gives back the blocks of a [`LeasedLimiter`] that have expired.
#[derive(Debug)]
#[must_use = "nothing is given back unless it runs"]
pub struct ReturnLeases {
    limiter: LeasedLimiter,
    every: Duration,
}

impl ReturnLeases {
    pub(super) fn new(limiter: LeasedLimiter, every: Duration) -> Self {
        Self { limiter, every }
    }

    /// Runs as long as it is polled. Without it, what is not used comes back with time, as if it had been.
    pub async fn run(self) {
        self.run_until(std::future::pending()).await;
    }

    /// Runs until `end`, such as the shutdown of the server; then gives back all that is held, as
    /// [`LeasedLimiter::return_all`] does, and ends. That takes a few round trips; while Redis does not answer, no longer than one
    /// of its timeouts.
    ///
    /// ```no_run
    /// use integridai_tower::rate_limit::Quota;
    /// use integridai_tower::rate_limit::redis::{LeasedLimiter, RedisLimiter};
    ///
    /// # async fn run(shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
    /// let shared = RedisLimiter::new("redis://127.0.0.1:6379", "api", [Quota::per_second(10_000)])?;
    /// let (limiter, return_leases) = LeasedLimiter::new(shared)?;
    /// let returning = tokio::spawn(return_leases.run_until(shutdown));
    /// // … serve until the same shutdown …
    /// # let _ = limiter;
    /// returning.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_until(self, end: impl Future<Output = ()>) {
        let mut end = pin!(end);
        while timeout(self.every, end.as_mut()).await.is_err() {
            self.limiter.return_expired().await;
        }
        self.limiter.return_all().await;
    }
}
