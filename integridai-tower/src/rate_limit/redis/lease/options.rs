use std::time::Duration;

use super::account::Terms;
use super::limiter::LeasedLimiter;
use super::returns::ReturnLeases;
use crate::ConfigError;
use crate::rate_limit::redis::RedisLimiter;

/// How a [`LeasedLimiter`] is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct LeasedLimiterOptions {
    time: Duration,
    max_block: u32,
    max_keys: usize,
}

/// So that four blocks of any quota are a whole number of ticks to a double.
const LARGEST_BLOCK: u32 = 1 << 19;

impl LeasedLimiterOptions {
    /// Blocks of up to 1000 for up to a second, for up to 100 000 keys.
    pub fn new() -> Self {
        Self { time: Duration::from_secs(1), max_block: 1000, max_keys: 100_000 }
    }

    /// How long a block may be used, from a millisecond to a minute. What was taken is not in others' hands for as long.
    pub fn lease_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The largest block, up to 2¹⁹.
    pub fn max_block(mut self, units: u32) -> Self {
        self.max_block = units;
        self
    }

    /// The greatest number of keys of which something is held; further ones are asked for one by one, exactly.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The limiter, and what gives back blocks that expired, to be polled as long as the server runs.
    ///
    /// # Errors
    /// Where a bound cannot work.
    pub fn build(&self, limiter: RedisLimiter) -> Result<(LeasedLimiter, ReturnLeases), ConfigError> {
        if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.time) {
            return Err(ConfigError::new("lease_time", "expected a millisecond to a minute"));
        }
        if self.max_block == 0 || self.max_block > LARGEST_BLOCK || self.max_keys == 0 {
            return Err(ConfigError::new("max_block", "expected one unit to 2^19, and at least one key"));
        }
        let time_us = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX);
        let terms = Terms { time_us, max_block: self.max_block };
        let limiter = LeasedLimiter::with(limiter, self.max_keys, terms);
        let returns = ReturnLeases::new(limiter.clone(), self.time);
        Ok((limiter, returns))
    }
}

impl Default for LeasedLimiterOptions {
    fn default() -> Self {
        Self::new()
    }
}
