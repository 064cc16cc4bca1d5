use super::MemoryLimiter;
use crate::rate_limit::{Quota, Quotas};
use crate::{Clock, ConfigError};

/// How a [`MemoryLimiter`] is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct MemoryLimiterOptions {
    pub(super) max_keys: usize,
    pub(super) when_full: WhenFull,
    pub(super) clock: Clock,
}

/// What becomes of a key for which there is no room, since all that are kept have used some of their quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// All keys without room share one quota.
    #[default]
    Share,
    /// They are refused.
    Refuse,
}

/// Few enough keys that looking at all of them takes about a microsecond.
const KEYS_PER_SHARD: usize = 1024;

const MAX_SHARDS: usize = 1024;

const MAX_KEYS: usize = 1 << 28;

impl MemoryLimiterOptions {
    /// As [`MemoryLimiter::new`] builds it.
    pub fn new() -> Self {
        Self { max_keys: 100_000, when_full: WhenFull::default(), clock: Clock::system() }
    }

    /// The greatest number of keys that are kept; 100 000 unless told. They are spread over shards of equal parts, one
    /// per thousand keys, so that a shard may be full when up to a tenth of all room is free.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// What becomes of a key for which there is no room.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// The time; that of the system unless told.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The limiter.
    ///
    /// # Errors
    /// As [`Quotas::new`], and where no or more than 2²⁸ keys would be kept.
    pub fn build(&self, quotas: impl IntoIterator<Item = Quota>) -> Result<MemoryLimiter, ConfigError> {
        if self.max_keys == 0 || self.max_keys > MAX_KEYS {
            return Err(ConfigError::new("max_keys", format!("expected 1 to {MAX_KEYS}")));
        }
        Ok(MemoryLimiter::with(self, Quotas::new(quotas)?))
    }

    pub(super) fn shards(&self) -> usize {
        (self.max_keys / KEYS_PER_SHARD).next_power_of_two().min(MAX_SHARDS)
    }
}

impl Default for MemoryLimiterOptions {
    fn default() -> Self {
        Self::new()
    }
}
