use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::link::{Link, NoAnswer};
use super::options::{Outage, RedisLimiterOptions};
use super::script::{self, Charged, Return, Scripts, Take, Taken};
use crate::rate_limit::pace::microseconds;
use crate::rate_limit::quotas::Debts;
use crate::rate_limit::{Admit, Ask, Attempt, Key, MemoryLimiter, Outcome, Quota, Quotas, Verdict};
use crate::{Clock, ConfigError};

/// Limits over all replicas that share a Redis. A clone shares its connection. See the [module docs](super).
#[derive(Clone)]
pub struct RedisLimiter(Arc<Shared>);

struct Shared {
    link: Link,
    scripts: Scripts,
    /// What each key begins with; a name in braces, so that a cluster keeps all that belongs to a key in one slot.
    prefix: String,
    quotas: ArcSwap<Quotas>,
    outage: Outage,
    /// For the time when Redis is down.
    own: Option<MemoryLimiter>,
    clock: Option<Clock>,
    without_redis: AtomicU64,
}

/// How a [`RedisLimiter`] stands with its Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStatus {
    /// Whether it gave no answer when it was last asked.
    pub is_down: bool,
    /// For how long it has given none.
    pub down_for: Option<Duration>,
    /// How often it went down so far.
    pub outages: u64,
    /// Requests so far that were decided without it, as [`Outage`] says.
    pub without_redis: u64,
}

impl RedisLimiter {
    /// Limits each key to all of these quotas, as [`RedisLimiterOptions::new`] has it.
    ///
    /// # Errors
    /// As [`RedisLimiterOptions::build`].
    pub fn new(url: &str, name: &str, quotas: impl IntoIterator<Item = Quota>) -> Result<Self, ConfigError> {
        RedisLimiterOptions::new().build(url, name, quotas)
    }

    pub(super) fn with(
        options: &RedisLimiterOptions,
        link: Link,
        name: &str,
        quotas: Quotas,
    ) -> Result<Self, ConfigError> {
        script::check(&quotas)?;
        Ok(Self(Arc::new(Shared {
            link,
            scripts: Scripts::new(),
            prefix: format!("{}:{{{name}:", options.prefix),
            own: own(options.outage, quotas.as_slice())?,
            quotas: ArcSwap::new(Arc::new(quotas)),
            outage: options.outage,
            clock: options.clock.clone(),
            without_redis: AtomicU64::new(0),
        })))
    }

    /// Decides one request that costs 1 and does not wait.
    pub async fn check(&self, key: &Key) -> Verdict {
        self.decide(&Ask::once(key)).await
    }

    /// Decides, and charges the key where it admits. Dropped before it is done, it may have been charged.
    pub async fn decide(&self, ask: &Ask<'_>) -> Verdict {
        let Ask { key, cost, patience } = *ask;
        let Some(_place) = self.0.link.enter() else { return self.0.decide_alone(ask) };
        match self.0.take(&self.0.name(key), cost, patience).await {
            Ok(verdict) => verdict,
            Err(NoAnswer) => self.0.decide_alone(ask),
        }
    }

    /// How the key stands; nothing is charged.
    pub async fn inspect(&self, key: &Key) -> Verdict {
        self.decide(&Ask { cost: 0, ..Ask::once(key) }).await
    }

    /// Gives back what an admitted request had taken, where it was taken: `verdict` is the one that admitted it. Where Redis
    /// does not answer, or has gone since, it comes back with time.
    pub async fn give_back(&self, key: &Key, cost: u32, verdict: &Verdict) {
        if verdict.is_without_store() {
            // It takes no time in memory.
            drop(self.0.own.as_ref().and_then(|own| own.refund(key, cost, verdict)));
            return;
        }
        let quotas = self.0.quotas.load_full();
        let mut ticks = Debts::default();
        for (pace, ticks) in quotas.paces().iter().zip(&mut ticks) {
            *ticks = pace.price(cost);
        }
        let charged = Charged { quotas, ticks, outages: verdict.outages() };
        self.give(vec![Return { name: self.0.name(key).into(), charged }]).await;
    }

    /// Gives the key its full quota; `false` where Redis does not answer.
    pub async fn reset(&self, key: &Key) -> bool {
        if let Some(own) = &self.0.own {
            own.reset(key);
        }
        let Some(_place) = self.0.link.enter() else { return false };
        let name = self.0.name(key);
        let delete = async |connection: &mut redis::aio::ConnectionManager| {
            redis::cmd("DEL").arg(&name).exec_async(connection).await
        };
        self.0.link.ask(delete).await.is_ok()
    }

    /// Changes the quotas of this replica. What a key has used, it has used of the new quotas of the same names too.
    ///
    /// # Errors
    /// As [`Quotas::new`]; the former quotas remain.
    pub fn set_quotas(&self, quotas: impl IntoIterator<Item = Quota>) -> Result<(), ConfigError> {
        let quotas = Quotas::new(quotas)?;
        script::check(&quotas)?;
        if let (Some(own), Outage::Local { replicas }) = (&self.0.own, self.0.outage) {
            own.set_quotas(shares(quotas.as_slice(), replicas))?;
        }
        self.0.quotas.store(Arc::new(quotas));
        Ok(())
    }

    /// How it stands with its Redis.
    #[must_use]
    pub fn status(&self) -> RedisStatus {
        let down_for = self.0.link.down_for();
        RedisStatus {
            is_down: down_for.is_some(),
            down_for,
            outages: self.0.link.outages().into(),
            without_redis: self.0.without_redis.load(Ordering::Relaxed),
        }
    }
}

/// What a limiter of leases needs.
impl RedisLimiter {
    pub(super) fn name(&self, key: &Key) -> String {
        self.0.name(key)
    }

    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.0.link.enter()
    }

    /// Takes up to `most` times the cost; `None` where Redis gave no answer.
    pub(super) async fn take(&self, name: &str, cost: u32, most: u32) -> Option<(Taken, Arc<Quotas>)> {
        let take =
            Take { key: name, cost, most, least: 1, patience: Duration::ZERO, now_us: self.0.now_us() };
        self.0.ask(take).await.ok()
    }

    /// Gives back what this very Redis has charged, of keys by their names there. What it does not take back comes back with time.
    pub(super) async fn give(&self, returned: Vec<Return>) {
        if let Some(_place) = self.enter() {
            let _ = self.give_from(returned).await;
        }
    }

    /// The same by one that has a place; `None` where Redis gave no answer.
    pub(super) async fn give_from(&self, mut returned: Vec<Return>) -> Option<()> {
        let outages = self.0.link.outages();
        returned.retain(|returned| returned.charged.outages == outages);
        if returned.is_empty() {
            return Some(());
        }
        let now_us = self.0.now_us();
        let question = async |connection: &mut redis::aio::ConnectionManager| {
            self.0.scripts.give(connection, &returned, now_us).await
        };
        self.0.link.ask(question).await.ok()
    }

    pub(super) fn decide_alone(&self, ask: &Ask<'_>) -> Verdict {
        self.0.decide_alone(ask)
    }
}

impl Admit for RedisLimiter {
    fn admit(&self, ask: &Ask<'_>) -> Attempt {
        let Some(place) = self.0.link.enter() else { return self.0.decide_alone(ask).into() };
        let shared = Arc::clone(&self.0);
        let Ask { key, cost, patience } = *ask;
        let key = key.clone();
        Attempt::waiting(async move {
            let _place = place;
            match shared.take(&shared.name(&key), cost, patience).await {
                Ok(verdict) => verdict,
                Err(NoAnswer) => shared.decide_alone(&Ask { key: &key, cost, patience }),
            }
        })
    }

    fn refund(
        &self,
        key: &Key,
        cost: u32,
        verdict: &Verdict,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let (limiter, key, verdict) = (self.clone(), key.clone(), *verdict);
        Some(Box::pin(async move { limiter.give_back(&key, cost, &verdict).await }))
    }

    fn quotas(&self) -> Arc<Quotas> {
        self.0.quotas.load_full()
    }

    fn with_quotas(&self, see: &mut dyn FnMut(&Quotas)) {
        see(&self.0.quotas.load());
    }
}

impl Shared {
    async fn take(&self, key: &str, cost: u32, patience: Duration) -> Result<Verdict, NoAnswer> {
        let take = Take { key, cost, most: 1, least: 1, patience, now_us: self.now_us() };
        self.ask(take).await.map(|(taken, _)| taken.verdict)
    }

    async fn ask(&self, take: Take<'_>) -> Result<(Taken, Arc<Quotas>), NoAnswer> {
        let quotas = self.quotas.load_full();
        // Counted before it is asked: what goes wrong meanwhile makes the charge one that is not given back.
        let outages = self.link.outages();
        let question = async |connection: &mut redis::aio::ConnectionManager| {
            self.scripts.take(connection, &quotas, &take).await
        };
        let mut taken = self.link.ask(question).await?;
        taken.verdict = taken.verdict.after_outages(outages);
        Ok((taken, quotas))
    }

    #[cold]
    fn decide_alone(&self, ask: &Ask<'_>) -> Verdict {
        self.without_redis.fetch_add(1, Ordering::Relaxed);
        let verdict = match (&self.own, self.outage) {
            (Some(own), _) => own.decide(ask),
            (None, Outage::Admit) => Verdict::new(Outcome::Admitted { wait: Duration::ZERO }, None),
            (None, _) => Verdict::new(Outcome::Unavailable, None),
        };
        verdict.without_store()
    }

    fn name(&self, key: &Key) -> String {
        let digest = Sha256::digest(key.as_bytes());
        let mut name = String::with_capacity(self.prefix.len() + 33);
        name.push_str(&self.prefix);
        for byte in &digest[..16] {
            for digit in [byte >> 4, byte & 15] {
                name.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        name.push('}');
        name
    }

    fn now_us(&self) -> Option<u64> {
        self.clock.as_ref().map(|clock| microseconds(clock.since_epoch()))
    }
}

fn own(outage: Outage, quotas: &[Quota]) -> Result<Option<MemoryLimiter>, ConfigError> {
    match outage {
        Outage::Local { replicas: 0 } => Err(ConfigError::new("replicas", "expected at least 1")),
        Outage::Local { replicas } => MemoryLimiter::new(shares(quotas, replicas)).map(Some),
        _ => Ok(None),
    }
}

fn shares(quotas: &[Quota], replicas: u32) -> Vec<Quota> {
    let share = |quota: &Quota| {
        Quota::new(quota.limit().div_ceil(replicas), quota.period())
            .burst(quota.capacity().div_ceil(replicas))
            .named(quota.name().to_owned())
    };
    quotas.iter().map(share).collect()
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("quotas", &self.0.quotas.load())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
