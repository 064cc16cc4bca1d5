//! A question to Redis that belongs to a key, and not to the request that asked it.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::account::Grant;
use crate::rate_limit::redis::RedisLimiter;
use crate::rate_limit::redis::script::{Charged, Return};

/// Held by whoever drives a key's exchange. One who leaves leaves the exchange to the next: what Redis has charged
/// is not lost with the request that wanted it.
pub(super) type Gate = Arc<Mutex<Option<Exchange>>>;

/// It may be dropped before it is done only where what it charges may be lost until it comes back with time.
pub(super) struct Exchange {
    pub(super) asked_us: u64,
    answer: Pin<Box<dyn Future<Output = Option<Grant>> + Send>>,
}

/// What is asked for.
pub(super) struct Question {
    /// The key's name in Redis.
    pub(super) name: Arc<str>,
    pub(super) cost: u32,
    pub(super) most: u32,
    /// What is given back before.
    pub(super) expired: Option<Charged>,
    pub(super) asked_us: u64,
    pub(super) place: OwnedSemaphorePermit,
}

impl Exchange {
    pub(super) fn new(limiter: RedisLimiter, question: Question) -> Self {
        let Question { name, cost, most, expired, asked_us, place } = question;
        let answer = Box::pin(async move {
            let _place = place;
            if let Some(expired) = expired {
                limiter.give_from(vec![Return { name: Arc::clone(&name), charged: expired }]).await?;
            }
            let (taken, quotas) = limiter.take(&name, cost, most).await?;
            let (times, verdict, debts) = (taken.times, taken.verdict, taken.debts);
            Some(Grant { times, cost, verdict, quotas, debts, asked_us })
        });
        Self { asked_us, answer }
    }

    /// Nothing where Redis gave no answer. Dropped before, it can be driven on.
    pub(super) async fn drive(&mut self) -> Option<Grant> {
        self.answer.as_mut().await
    }
}
