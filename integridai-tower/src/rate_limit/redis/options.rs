use std::time::Duration;

use super::RedisLimiter;
use super::link::Link;
use crate::rate_limit::{Quota, Quotas};
use crate::{Clock, ConfigError};

/// How a [`RedisLimiter`] is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisLimiterOptions {
    pub(super) prefix: String,
    pub(super) connect: Duration,
    pub(super) time: Duration,
    pub(super) places: usize,
    pub(super) outage: Outage,
    pub(super) clock: Option<Clock>,
}

/// What becomes of requests while Redis cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Outage {
    /// They are refused: [`Outcome::Unavailable`](crate::rate_limit::Outcome::Unavailable).
    #[default]
    Refuse,
    /// They are admitted, without a standing.
    Admit,
    /// Each replica counts by itself and admits its share: limits and bursts divided by the number of replicas, rounded up.
    /// What it admits then is not told to Redis later.
    Local {
        /// The number of replicas, at least 1.
        replicas: u32,
    },
}

impl RedisLimiterOptions {
    /// Connects within 1 s, gives Redis 100 ms to answer and up to 1024 requests at once, and refuses while it does not answer.
    pub fn new() -> Self {
        Self {
            prefix: "rate_limit".into(),
            connect: Duration::from_secs(1),
            time: Duration::from_millis(100),
            places: 1024,
            outage: Outage::default(),
            clock: None,
        }
    }

    /// What all keys in Redis begin with; `rate_limit` unless told. No blanks and no braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a connection may take.
    pub fn connection_timeout(mut self, time: Duration) -> Self {
        self.connect = time;
        self
    }

    /// How long Redis may take to answer, on top of the time for the connection where there is none.
    pub fn response_timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The greatest number of requests that wait for Redis at once; for further ones it counts as down.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.places = requests;
        self
    }

    /// What becomes of requests while Redis cannot be asked.
    pub fn on_outage(mut self, outage: Outage) -> Self {
        self.outage = outage;
        self
    }

    /// Counts in this time rather than in that of Redis: all replicas must have the same.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The limiter. It connects when it is first asked, in the tokio runtime of that moment.
    ///
    /// Limiters of one `name`, prefix and database share their keys, however many processes they are in.
    ///
    /// # Errors
    /// As [`Quotas::new`], and where the URL, the name, the prefix or a bound cannot work. Nothing of the URL is in the error.
    pub fn build(
        &self,
        url: &str,
        name: &str,
        quotas: impl IntoIterator<Item = Quota>,
    ) -> Result<RedisLimiter, ConfigError> {
        let quotas = Quotas::new(quotas)?;
        for (setting, text) in [("prefix", &*self.prefix), ("name", name)] {
            let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'{' && byte != b'}';
            if text.is_empty() || text.len() > 128 || !text.bytes().all(is_plain) {
                return Err(ConfigError::new(
                    setting,
                    "expected 1 to 128 characters of visible ASCII, without braces",
                ));
            }
        }
        if self.places == 0 || self.places > 1 << 20 {
            return Err(ConfigError::new("max_in_flight", "expected 1 to 2^20"));
        }
        if self.time.is_zero() || self.connect.is_zero() {
            return Err(ConfigError::new("timeouts", "expected more than 0"));
        }
        let link = Link::new(url, self.connect, self.time, self.places)?;
        RedisLimiter::with(self, link, name, quotas)
    }
}

impl Default for RedisLimiterOptions {
    fn default() -> Self {
        Self::new()
    }
}
