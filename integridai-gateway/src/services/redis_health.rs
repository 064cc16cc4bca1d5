//! How the Redis is in which replicas count together.

use std::sync::Arc;

use integridai_tower::rate_limit::Key;
use integridai_tower::rate_limit::redis::RedisLimiter;

/// Whether Redis answers, as far as its limiters know. A clone asks the same ones.
#[derive(Debug, Clone, Default)]
pub struct RedisHealth(Arc<[RedisLimiter]>);

impl RedisHealth {
    /// Of the Redis of these limiters; without any, none is used.
    #[must_use]
    pub fn new(limiters: Vec<RedisLimiter>) -> Self {
        Self(limiters.into())
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether it answered each limiter that asked it last.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.0.iter().any(|limiter| limiter.status().is_down)
    }

    /// Requests so far that were decided without it.
    #[must_use]
    pub fn without_redis(&self) -> u64 {
        self.0.iter().map(|limiter| limiter.status().without_redis).sum()
    }

    /// Asks it, so that it is known how it is where nobody else does. Nothing is charged.
    pub async fn ask(&self) {
        for limiter in self.0.iter() {
            let _ = limiter.inspect(&Key::new()).await;
        }
    }
}
