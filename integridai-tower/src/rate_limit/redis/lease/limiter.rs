use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Terms;
use super::accounts::{Accounts, Found};
use crate::ConfigError;
use crate::rate_limit::redis::RedisLimiter;
use crate::rate_limit::{Admit, Ask, Attempt, Key, Quotas, Verdict};

/// Limits over all replicas, mostly without asking Redis: each replica takes small blocks of a key's quota ahead of use
/// and decides by what it holds. A clone shares what is held.
///
/// All replicas together never admit more than one [`RedisLimiter`] would: a block is charged when it is taken. It is
/// used within its time or given back by [`ReturnLeases`]; a replica that dies loses what it holds until that comes back with
/// time. Blocks double while they are used up quickly and halve when they are not, and none is larger than a quarter of what is
/// left, so that the end of a quota is not held by those who do not need it. A refusal is believed for its time, so a
/// key over its limit costs Redis nothing.
///
/// What clients are told is left is what Redis knew last, with what is held here.
///
/// ```no_run
/// use integridai_tower::rate_limit::redis::{LeasedLimiter, RedisLimiter};
/// use integridai_tower::rate_limit::{ByTenant, Quota, RateLimitLayer};
///
/// # async fn run() -> Result<(), integridai_tower::ConfigError> {
/// let shared = RedisLimiter::new("redis://127.0.0.1:6379", "api", [Quota::per_second(10_000)])?;
/// let (limiter, return_leases) = LeasedLimiter::new(shared)?;
/// tokio::spawn(return_leases.run());
/// let layer = RateLimitLayer::new(limiter.clone(), ByTenant::new());
/// // When the server goes down, the others get what this one holds.
/// limiter.return_all().await;
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LeasedLimiter(Arc<Shared>);

struct Shared {
    limiter: RedisLimiter,
    accounts: Accounts,
    terms: Terms,
    start: Instant,
}

/// How a [`LeasedLimiter`] is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct LeasedLimiterOptions {
    time: Duration,
    max_block: u32,
    max_keys: usize,
}

/// The requests that wait for one key's refill; further ones ask for themselves.
const MAX_WAITING: usize = 1024;

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

    /// The largest block.
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
        if self.max_block == 0 || self.max_keys == 0 {
            return Err(ConfigError::new("max_block", "expected at least one unit and one key"));
        }
        let time_us = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX);
        let limiter = LeasedLimiter(Arc::new(Shared {
            limiter,
            accounts: Accounts::new(self.max_keys),
            terms: Terms { time_us, max_block: self.max_block },
            start: Instant::now(),
        }));
        let returns = ReturnLeases { limiter: limiter.clone(), every: self.time };
        Ok((limiter, returns))
    }
}

impl Default for LeasedLimiterOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives back the blocks of a [`LeasedLimiter`] that have expired.
#[derive(Debug)]
#[must_use = "nothing is given back unless it runs"]
pub struct ReturnLeases {
    limiter: LeasedLimiter,
    every: Duration,
}

impl ReturnLeases {
    /// Runs as long as it is polled. Without it, what is not used comes back with time, as if it had been.
    pub async fn run(self) {
        loop {
            tokio::time::sleep(self.every).await;
            self.limiter.0.give_back(false).await;
        }
    }
}

impl LeasedLimiter {
    /// Leases from this limiter, as [`LeasedLimiterOptions::new`] has it.
    ///
    /// # Errors
    /// As [`LeasedLimiterOptions::build`].
    pub fn new(limiter: RedisLimiter) -> Result<(Self, ReturnLeases), ConfigError> {
        LeasedLimiterOptions::new().build(limiter)
    }

    /// Decides one request that costs 1 and does not wait.
    pub async fn check(&self, key: &Key) -> Verdict {
        self.decide(&Ask::once(key)).await
    }

    /// Decides, and charges the key where it admits. A request that would wait for its turn is Redis' to decide.
    pub async fn decide(&self, ask: &Ask<'_>) -> Verdict {
        match self.admit(ask) {
            Attempt::Decided(verdict) => verdict,
            Attempt::Waiting(verdict) => verdict.await,
        }
    }

    /// The limiter that all replicas share, to inspect and reset keys and to change quotas.
    #[must_use]
    pub fn shared(&self) -> &RedisLimiter {
        &self.0.limiter
    }

    /// Gives back all that is held.
    pub async fn return_all(&self) {
        self.0.give_back(true).await;
    }
}

impl Admit for LeasedLimiter {
    fn admit(&self, ask: &Ask<'_>) -> Attempt {
        let Ask { key, cost, patience } = *ask;
        if cost == 0 || !patience.is_zero() {
            return self.0.limiter.admit(ask);
        }
        let shared = &self.0;
        let tag = shared.accounts.tag(key);
        let name = || shared.limiter.name(key);
        match shared.accounts.spend(tag, cost, shared.terms, shared.now_us(), name) {
            Found::Decided(verdict) => verdict.into(),
            Found::Refill { gate, .. } if Arc::strong_count(&gate) <= MAX_WAITING => {
                let (shared, key) = (Arc::clone(shared), key.clone());
                Attempt::waiting(async move {
                    // Whoever comes while another asks finds out afterwards what that one got.
                    let _turn = gate.lock().await;
                    shared.refill(tag, &Ask { key: &key, cost, patience }).await
                })
            }
            Found::NoRoom | Found::Refill { .. } => shared.limiter.admit(ask),
        }
    }

    fn refund(&self, key: &Key, cost: u32) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.0.limiter.refund(key, cost)
    }

    fn quotas(&self) -> Arc<Quotas> {
        self.0.limiter.quotas()
    }
}

impl Shared {
    /// At one's turn to ask Redis for a key.
    async fn refill(&self, tag: u64, ask: &Ask<'_>) -> Verdict {
        let name = self.limiter.name(ask.key);
        let found = self.accounts.spend(tag, ask.cost, self.terms, self.now_us(), || name.clone());
        let most = match found {
            Found::Decided(verdict) => return verdict,
            Found::NoRoom => 1,
            Found::Refill { most, .. } => most,
        };
        let Some(_place) = self.limiter.enter() else { return self.limiter.decide_alone(ask) };
        let expired = self.accounts.expire(tag, self.now_us());
        if expired > 0 {
            self.limiter.give(&name, expired).await;
        }
        let Some((times, verdict)) = self.limiter.take(&name, ask.cost, most).await else {
            return self.limiter.decide_alone(ask);
        };
        let too_much = self.accounts.refilled(tag, times, ask.cost, &verdict, self.terms, self.now_us());
        if too_much > 0 {
            self.limiter.give(&name, too_much).await;
        }
        verdict
    }

    async fn give_back(&self, all: bool) {
        for leftover in self.accounts.leftovers(all, self.now_us()) {
            self.limiter.give(&leftover.name, leftover.units).await;
        }
    }

    /// Never 0, which is that nothing has been taken.
    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

impl fmt::Debug for LeasedLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedLimiter").field("limiter", &self.0.limiter).finish_non_exhaustive()
    }
}
