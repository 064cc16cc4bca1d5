//! How the Redis is that replicas share.

use std::sync::Arc;

use integridai_tower::rate_limit::Key;
use integridai_tower::rate_limit::redis::RedisLimiter;

use super::KeptAnswers;

/// Whether Redis answers, as far as its limiters and the cache know. A clone asks the same ones.
#[derive(Debug, Clone, Default)]
pub struct RedisHealth {
    limiters: Arc<[RedisLimiter]>,
    answers: Option<KeptAnswers>,
}

impl RedisHealth {
    /// Of the Redis of these limiters; without any, none is used.
    #[must_use]
    pub fn new(limiters: Vec<RedisLimiter>) -> Self {
        Self { limiters: limiters.into(), answers: None }
    }

    /// Of the Redis of these answers too, if they are in one.
    #[must_use]
    pub fn and_of(mut self, answers: Option<KeptAnswers>) -> Self {
        self.answers = answers.filter(|answers| answers.shared().is_some());
        self
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.limiters.is_empty() || self.answers.is_some()
    }

    /// Whether it answered each limiter that asked it last, and the cache is in step with others.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let shared = self.answers.as_ref().and_then(KeptAnswers::shared);
        shared.is_none_or(|shared| shared.is_in_step)
            && !self.limiters.iter().any(|limiter| limiter.status().is_down)
    }

    /// Requests so far that were decided without it.
    #[must_use]
    pub fn without_redis(&self) -> u64 {
        self.limiters.iter().map(|limiter| limiter.status().without_redis).sum()
    }

    /// Asks it, so that it is known how it is where nobody else does. Nothing is charged.
    pub async fn ask(&self) {
        for limiter in self.limiters.iter() {
            let _ = limiter.inspect(&Key::new()).await;
        }
    }
}
