use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::account::Terms;
use super::accounts::{Accounts, Found};
use super::exchange::{Exchange, Gate, Question};
use super::options::LeasedLimiterOptions;
use super::returns::ReturnLeases;
use crate::ConfigError;
use crate::rate_limit::redis::RedisLimiter;
use crate::rate_limit::{Admit, Ask, Attempt, Key, Quotas, Verdict};

/// Limits over all replicas, mostly without asking Redis: each replica takes small blocks of a key's quota ahead of use
/// and decides by what it holds. A clone shares what is held.
///
/// All replicas together never admit more than one [`RedisLimiter`] would: a block is charged when it is taken. It is
/// used within its [time](LeasedLimiterOptions::lease_time) or given back by [`ReturnLeases`]; a replica that dies loses what it
/// holds until that comes back with time. Since a request may be admitted up to a lease's time after it was charged, a stretch of
/// time may see what was charged in it and as long before. Blocks double while they are used up quickly and halve when they are
/// not, and none is larger than a quarter of what is left, so that the end of a quota is not held by those who do not need it. A
/// refusal is believed for its time, so a key over its limit costs Redis nothing.
///
/// Redis is asked for a key by one request at a time, and the question belongs to the key: a request that is dropped
/// leaves it to the next one, or to [`ReturnLeases`].
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
    start: Instant,
    /// Whether nothing is taken ahead of use any longer.
    is_closed: AtomicBool,
}

/// The requests that wait for one key's refill; further ones ask for themselves.
const MAX_WAITING: usize = 1024;

/// The keys that are given something back in one round trip.
const KEYS_AT_ONCE: usize = 256;

impl LeasedLimiter {
    /// Leases from this limiter, as [`LeasedLimiterOptions::new`] has it.
    ///
    /// # Errors
    /// As [`LeasedLimiterOptions::build`].
    pub fn new(limiter: RedisLimiter) -> Result<(Self, ReturnLeases), ConfigError> {
        LeasedLimiterOptions::new().build(limiter)
    }

    pub(super) fn with(limiter: RedisLimiter, max_keys: usize, terms: Terms) -> Self {
        Self(Arc::new(Shared {
            limiter,
            accounts: Accounts::new(max_keys, terms),
            start: Instant::now(),
            is_closed: AtomicBool::new(false),
        }))
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

    /// Gives the key its full quota; `false` where Redis does not answer. What this replica held of the former one is gone; another
    /// one uses what it holds within its time.
    pub async fn reset(&self, key: &Key) -> bool {
        self.0.accounts.forget(self.0.accounts.tag(key));
        self.0.limiter.reset(key).await
    }

    /// The limiter that all replicas share, to inspect keys and to change quotas.
    #[must_use]
    pub fn shared(&self) -> &RedisLimiter {
        &self.0.limiter
    }

    /// Gives back all that is held, and takes nothing ahead of use from then on: the last requests of a server that goes
    /// down are decided by Redis, one by one.
    pub async fn return_all(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        self.0.give_back(true).await;
    }

    pub(super) async fn return_expired(&self) {
        self.0.give_back(false).await;
    }
}

impl Admit for LeasedLimiter {
    fn admit(&self, ask: &Ask<'_>) -> Attempt {
        let Ask { key, cost, patience } = *ask;
        if cost == 0 || !patience.is_zero() {
            return self.0.limiter.admit(ask);
        }
        let tag = self.0.accounts.tag(key);
        match self.0.spend(tag, key, cost) {
            Found::Decided(verdict) => verdict.into(),
            Found::Refill { gate, .. } if Arc::strong_count(&gate) <= MAX_WAITING => {
                let (shared, key) = (Arc::clone(&self.0), key.clone());
                Attempt::waiting(async move {
                    shared.refill(&gate, tag, &Ask { key: &key, cost, patience }).await
                })
            }
            Found::NoRoom | Found::Refill { .. } => self.0.limiter.admit(ask),
        }
    }

    fn refund(
        &self,
        key: &Key,
        cost: u32,
        verdict: &Verdict,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.0.limiter.refund(key, cost, verdict)
    }

    fn quotas(&self) -> Arc<Quotas> {
        self.0.limiter.quotas()
    }

    fn with_quotas(&self, see: &mut dyn FnMut(&Quotas)) {
        self.0.limiter.with_quotas(see);
    }
}

impl Shared {
    fn spend(&self, tag: u64, key: &Key, cost: u32) -> Found {
        self.accounts.spend(tag, cost, self.now_us(), || self.limiter.name(key))
    }

    /// Asks Redis for a key, once it is one's turn. Whoever comes while another asks finds out what that one got.
    async fn refill(&self, gate: &Gate, tag: u64, ask: &Ask<'_>) -> Verdict {
        let mut turn = gate.lock().await;
        self.finish(tag, &mut turn).await;
        let exchange = match self.exchange(tag, ask) {
            Ok(exchange) => turn.insert(exchange),
            Err(verdict) => return verdict,
        };
        let grant = exchange.drive().await;
        *turn = None;
        match grant {
            Some(grant) => self.accounts.refilled(tag, grant, 1, self.now_us()),
            None => self.limiter.decide_alone(ask),
        }
    }

    /// The question for a block of which one part is for this request; or the verdict where none is needed or can be asked.
    fn exchange(&self, tag: u64, ask: &Ask<'_>) -> Result<Exchange, Verdict> {
        let (most, name) = match self.spend(tag, ask.key, ask.cost) {
            Found::Decided(verdict) => return Err(verdict),
            Found::NoRoom => (1, self.limiter.name(ask.key).into()),
            Found::Refill { most, name, .. } => (most, name),
        };
        let Some(place) = self.limiter.enter() else { return Err(self.limiter.decide_alone(ask)) };
        let asked_us = self.now_us();
        let most = if self.is_closed.load(Ordering::SeqCst) { 1 } else { most };
        let expired = self.accounts.expire(tag, asked_us);
        let question = Question { name, cost: ask.cost, most, expired, asked_us, place };
        Ok(Exchange::new(self.limiter.clone(), question))
    }

    /// Ends an exchange whose request has left, and puts all that it got into the account.
    async fn finish(&self, tag: u64, turn: &mut MutexGuard<'_, Option<Exchange>>) {
        let Some(exchange) = turn.as_mut() else { return };
        let grant = exchange.drive().await;
        **turn = None;
        if let Some(grant) = grant {
            let _ = self.accounts.refilled(tag, grant, 0, self.now_us());
        }
    }

    async fn give_back(&self, all: bool) {
        for (tag, gate) in self.accounts.asking(all) {
            self.finish(tag, &mut gate.lock().await).await;
        }
        let mut leftovers = self.accounts.leftovers(all, self.now_us());
        while !leftovers.is_empty() {
            let rest = leftovers.split_off(leftovers.len().min(KEYS_AT_ONCE));
            self.limiter.give(std::mem::replace(&mut leftovers, rest)).await;
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
