use std::time::Duration;

use super::shared::Shared;
use super::{KeepInStep, RedisStore};
use crate::ConfigError;
use crate::cache::MemoryStore;

/// How a [`RedisStore`] is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisStoreOptions {
    pub(super) prefix: String,
    pub(super) connect: Duration,
    pub(super) response: Duration,
    pub(super) places: usize,
    pub(super) queued: usize,
    pub(super) largest: usize,
    pub(super) compress_above: usize,
    pub(super) stale: Duration,
    pub(super) trust: Duration,
}

impl RedisStoreOptions {
    /// Connects within 1 s, gives Redis 100 ms to answer and up to 1024 requests at once; stores entries of up to 1 MiB,
    /// compressed above 1 KiB, for an hour beyond their lifetime; trusts what is in memory for 30 s while Redis is away.
    pub fn new() -> Self {
        Self {
            prefix: "cache".into(),
            connect: Duration::from_secs(1),
            response: Duration::from_millis(100),
            places: 1024,
            queued: 32 << 20,
            largest: 1 << 20,
            compress_above: 1 << 10,
            stale: Duration::from_secs(3600),
            trust: Duration::from_secs(30),
        }
    }

    /// What all keys in Redis begin with; `cache` unless told. No blanks and no braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a connection may take. No request waits for it.
    pub fn connection_timeout(mut self, time: Duration) -> Self {
        self.connect = time;
        self
    }

    /// How long a request waits for Redis before it goes to the origin; twice as long at most where it shares the look-up of
    /// another one that leaves.
    pub fn response_timeout(mut self, time: Duration) -> Self {
        self.response = time;
        self
    }

    /// The greatest number of requests that wait for Redis at once; further ones go to the origin.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.places = requests;
        self
    }

    /// How much may wait to be written, in bytes as in memory; 32 MiB unless told. What comes beyond is not shared.
    pub fn most_queued(mut self, bytes: usize) -> Self {
        self.queued = bytes;
        self
    }

    /// How large an entry may be in Redis, in bytes. What is larger stays in memory.
    pub fn largest_entry(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Entries of more bytes than this are compressed (LZ4), if that makes them smaller by an eighth.
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// How long an entry stays in Redis once it is stale, to be confirmed by the origin or to stand in for it; longer where
    /// `stale-while-revalidate` or `stale-if-error` say so, and not at all where it can be neither.
    pub fn keep_stale(mut self, time: Duration) -> Self {
        self.stale = time;
        self
    }

    /// How long what is in memory is used without asking the origin while Redis is away, as nothing is heard of purges then:
    /// counted from when Redis went, or from when it was stored. After that the origin confirms it first.
    pub fn trust_memory_for(mut self, time: Duration) -> Self {
        self.trust = time;
        self
    }

    /// The store, in front of which `memory` stands, and the work that keeps it in step with the others: to be run, such as by
    /// `tokio::spawn(keep_in_step.run())`. Until it runs, the store is its memory.
    ///
    /// Stores of one `name`, prefix and database share their entries, however many processes they are in.
    ///
    /// # Errors
    /// Where the URL, the name, the prefix or a bound cannot work. Nothing of the URL is in the error.
    pub fn build(
        &self,
        url: &str,
        name: &str,
        memory: MemoryStore,
    ) -> Result<(RedisStore, KeepInStep), ConfigError> {
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
        if self.response.is_zero() || self.connect.is_zero() {
            return Err(ConfigError::new("timeouts", "expected more than 0"));
        }
        // The URL may hold a password, and the crate's words the URL.
        let unusable = |_| ConfigError::new("url", "expected redis://[user:password@]host[:port][/database]");
        let client = redis::Client::open(url).map_err(unusable)?;
        let shared = Shared::new(self.clone(), name, memory);
        Ok((RedisStore::new(&shared), KeepInStep::new(shared, client)))
    }
}

impl Default for RedisStoreOptions {
    fn default() -> Self {
        Self::new()
    }
}
