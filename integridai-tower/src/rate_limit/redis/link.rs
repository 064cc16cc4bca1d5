//! The way to Redis, and whether it is open.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::RedisResult;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::ConfigError;

/// One connection that many requests share, and what is known of its health.
///
/// After a failure nobody waits for Redis: one request at a time tries again, after pauses that grow and vary by chance.
pub(super) struct Link {
    client: redis::Client,
    config: ConnectionManagerConfig,
    /// Made when it is first needed, since that takes a runtime.
    manager: OnceLock<ConnectionManager>,
    time: Duration,
    places: Arc<Semaphore>,
    start: Instant,
    /// In µs from the start, not 0, when the next request may try; 0 while all is well.
    retry_at_us: AtomicU64,
    failures: AtomicU32,
    down_since_us: AtomicU64,
    outages: AtomicU32,
}

/// Why Redis was not asked, or gave no answer.
#[derive(Debug)]
pub(super) struct NoAnswer;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Link {
    pub(super) fn new(
        url: &str,
        connect: Duration,
        time: Duration,
        places: usize,
    ) -> Result<Self, ConfigError> {
        // The URL may hold a password, and the crate's words the URL.
        let unusable = |_| ConfigError::new("url", "expected redis://[user:password@]host[:port][/database]");
        let client = redis::Client::open(url).map_err(unusable)?;
        // Attempts to connect are this link's to space out.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(time))
            .set_number_of_retries(0);
        Ok(Self {
            client,
            config,
            manager: OnceLock::new(),
            time: connect + time,
            places: Arc::new(Semaphore::new(places)),
            start: Instant::now(),
            retry_at_us: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            down_since_us: AtomicU64::new(0),
            outages: AtomicU32::new(0),
        })
    }

    /// Leave to ask Redis, which holds a place as long as it is kept; `None` where the answer must come from elsewhere.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let retry_at = self.retry_at_us.load(Ordering::Acquire);
        if retry_at != 0 && !self.may_try(retry_at) {
            return None;
        }
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Asks Redis within the time that it has, and remembers whether it answered.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, NoAnswer> {
        let answer = async {
            let mut manager = self.manager()?;
            if self.retry_at_us.load(Ordering::Relaxed) != 0 {
                // The manager remembers how it failed to connect, and tries again only once it has told somebody.
                let _ = redis::cmd("PING").exec_async(&mut manager).await;
            }
            question(&mut manager).await
        };
        match timeout(self.time, answer).await {
            Ok(Ok(answer)) => {
                self.succeed();
                Ok(answer)
            }
            Ok(Err(_)) | Err(_) => {
                self.fail();
                Err(NoAnswer)
            }
        }
    }

    fn manager(&self) -> RedisResult<ConnectionManager> {
        if let Some(manager) = self.manager.get() {
            return Ok(manager.clone());
        }
        let made = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())?;
        Ok(self.manager.get_or_init(|| made).clone())
    }

    /// For how long it has been down.
    pub(super) fn down_for(&self) -> Option<Duration> {
        let since = self.down_since_us.load(Ordering::Relaxed);
        (since != 0).then(|| Duration::from_micros(self.now_us().saturating_sub(since)))
    }

    pub(super) fn outages(&self) -> u32 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Whoever moves the time of the next try on is the one who tries; should he be dropped, it comes all the same.
    fn may_try(&self, retry_at: u64) -> bool {
        let now = self.now_us();
        let next = now + self.pause_us() + u64::try_from(self.time.as_micros()).unwrap_or(0);
        now >= retry_at
            && self.retry_at_us.compare_exchange(retry_at, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn succeed(&self) {
        if self.retry_at_us.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.down_since_us.store(0, Ordering::Relaxed);
            self.retry_at_us.store(0, Ordering::Release);
        }
    }

    fn fail(&self) {
        let now = self.now_us();
        if self.down_since_us.compare_exchange(0, now, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.outages.fetch_add(1, Ordering::Relaxed);
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.retry_at_us.store(now + self.pause_us(), Ordering::Release);
    }

    /// Twice as long each time, and up to half of it longer by chance.
    fn pause_us(&self) -> u64 {
        let failures = self.failures.load(Ordering::Relaxed).saturating_sub(1).min(10);
        let pause = (FIRST_PAUSE * (1 << failures)).min(LONGEST_PAUSE);
        let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        pause + rand::random_range(0..=pause / 2)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}
