//! `[cache]`

use serde::{Deserialize, Serialize};

use super::{ConfigError, Count, WholeSeconds};

/// Answers that are kept, and for whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Whether nothing is kept.
    pub disabled: bool,
    /// Whether answers are kept in this gateway's memory alone, also where there is a Redis.
    pub local: bool,
    /// The room for all kept answers in MiB of memory.
    pub max_size_mib: Count,
    /// URLs of which an answer is kept, about.
    pub max_urls: Count,
    /// The greatest content of a kept answer in bytes.
    pub max_body_bytes: Count,
    /// What each cached route allows.
    pub routes: CachedRoutesConfig,
}

/// The routes that are cached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CachedRoutesConfig {
    /// `GET /api/v1/metrics/consolidated`, fresh for `metrics.cache_seconds`.
    pub consolidated: CachedRouteConfig,
}

/// What a cached route allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CachedRouteConfig {
    /// Whether an answer to one caller is given to all others who may ask. Without it none is kept.
    pub shared: bool,
    /// How long after that an answer is still given while another one is fetched.
    pub stale_while_revalidate_seconds: WholeSeconds,
    /// How long after that an answer is still given in place of an error.
    pub stale_if_error_seconds: WholeSeconds,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            disabled: false,
            local: false,
            max_size_mib: Count::new(64),
            max_urls: Count::new(100_000),
            max_body_bytes: Count::new(8 * 1024 * 1024),
            routes: CachedRoutesConfig::default(),
        }
    }
}

impl Default for CachedRouteConfig {
    fn default() -> Self {
        Self {
            shared: true,
            stale_while_revalidate_seconds: WholeSeconds::new(30),
            stale_if_error_seconds: WholeSeconds::new(300),
        }
    }
}

impl CacheConfig {
    /// The room in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_size_mib.get() as u64 * 1024 * 1024
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_body_bytes.get() as u64 > self.max_bytes() {
            return Err(ConfigError::Contradiction {
                keys: "cache.max_body_bytes, cache.max_size_mib".into(),
                reason: "an answer of that size would not fit into the room for all of them",
            });
        }
        Ok(())
    }
}
