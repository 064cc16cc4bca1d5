//! What counts requests, by the names of what is counted. Counters outlive the limits that are made of them: where the
//! configuration is loaded again, what was counted stays.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use integridai_tower::ConfigError;
use integridai_tower::rate_limit::redis::{
    LeasedLimiter, Outage, RedisLimiter, RedisLimiterOptions, ReturnLeases,
};
use integridai_tower::rate_limit::{
    Key, KeyBy, MemoryLimiter, MemoryLimiterOptions, Quota, Quotas, RateLimitLayer, Verdict,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Count, OnOutage, QuotaConfig, RedisConfig};

/// The counters. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters(BTreeMap<String, Counter>);

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    quotas: Vec<QuotaConfig>,
    place: Place,
    limiter: Limiter,
}

/// Where it counts.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Memory { max_keys: Count },
    Redis { redis: Box<RedisConfig>, leases: bool },
}

#[derive(Debug, Clone)]
enum Limiter {
    Memory(MemoryLimiter),
    Redis(RedisLimiter),
    Leased(LeasedLimiter, RedisLimiter, Arc<Leases>),
}

/// What is leased is given back once nobody has it any more.
struct Leases {
    returns: Mutex<Option<ReturnLeases>>,
    end: CancellationToken,
}

/// The counters that a configuration asks for, with those that there are already.
pub(super) struct CountersMaking<'a> {
    config: &'a Config,
    before: Option<&'a Counters>,
    pub(super) made: Counters,
    /// Counters that go on with other quotas.
    pub(super) changes: Vec<(MemoryLimiter, Vec<Quota>)>,
    /// Names of which nothing is known any more.
    pub(super) resets: Vec<String>,
}

impl Counters {
    /// Those in memory.
    pub(super) fn in_memory(&self) -> Vec<(String, MemoryLimiter)> {
        let in_memory = |(name, counter): (&String, &Counter)| match &counter.limiter {
            Limiter::Memory(memory) => Some((name.clone(), memory.clone())),
            Limiter::Redis(_) | Limiter::Leased(..) => None,
        };
        self.0.iter().filter_map(in_memory).collect()
    }

    /// Those in Redis.
    pub(super) fn in_redis(&self) -> Vec<RedisLimiter> {
        let in_redis = |counter: &Counter| match &counter.limiter {
            Limiter::Memory(_) => None,
            Limiter::Redis(redis) | Limiter::Leased(_, redis, _) => Some(redis.clone()),
        };
        self.0.values().filter_map(in_redis).collect()
    }

    pub(super) async fn inspect(&self, name: &str, key: &Key) -> Option<Verdict> {
        Some(match &self.0.get(name)?.limiter {
            Limiter::Memory(memory) => memory.inspect(key),
            Limiter::Redis(redis) | Limiter::Leased(_, redis, _) => redis.inspect(key).await,
        })
    }

    pub(super) async fn reset(&self, name: &str, key: &Key) -> Option<bool> {
        Some(match &self.0.get(name)?.limiter {
            Limiter::Memory(memory) => {
                memory.reset(key);
                true
            }
            Limiter::Redis(redis) => redis.reset(key).await,
            Limiter::Leased(leased, ..) => leased.reset(key).await,
        })
    }

    /// Has each that leases give back what it does not use, as a task of the tracker that ends when nobody has it any more.
    pub(super) fn return_leases(&self, tasks: &TaskTracker) {
        for counter in self.0.values() {
            if let Limiter::Leased(_, _, leases) = &counter.limiter
                && let Some(returns) = leases.returns.lock().unwrap_or_else(PoisonError::into_inner).take()
            {
                tasks.spawn(returns.run_until(leases.end.clone().cancelled_owned()));
            }
        }
    }
}

impl<'a> CountersMaking<'a> {
    pub(super) fn new(config: &'a Config, before: Option<&'a Counters>) -> Self {
        let (made, changes, resets) = Default::default();
        Self { config, before, made, changes, resets }
    }

    /// The layer over the counter of this name: the one that there is, where it counts in the same place.
    pub(super) fn layer(
        &mut self,
        name: &str,
        quotas: &[QuotaConfig],
        leases: bool,
        key_by: impl KeyBy + 'static,
    ) -> Result<RateLimitLayer, ConfigError> {
        let counter = self.counter(name, quotas, leases)?;
        let layer = match &counter.limiter {
            Limiter::Memory(memory) => RateLimitLayer::new(memory.clone(), key_by),
            Limiter::Redis(redis) => RateLimitLayer::new(redis.clone(), key_by),
            Limiter::Leased(leased, ..) => RateLimitLayer::new(leased.clone(), key_by),
        };
        self.made.0.insert(name.to_owned(), counter);
        Ok(layer)
    }

    fn counter(&mut self, name: &str, quotas: &[QuotaConfig], leases: bool) -> Result<Counter, ConfigError> {
        let place = self.place(leases);
        let before = self.before.and_then(|before| before.0.get(name)).cloned();
        match before {
            Some(same) if same.place == place && same.quotas == quotas => Ok(same),
            Some(Counter { place: Place::Memory { max_keys }, limiter: Limiter::Memory(memory), .. })
                if place == (Place::Memory { max_keys }) =>
            {
                Quotas::new(named(name, quotas))?;
                self.changes.push((memory.clone(), named(name, quotas)));
                Ok(Counter { quotas: quotas.into(), place, limiter: Limiter::Memory(memory) })
            }
            before => {
                // A Redis knows what was counted, whoever asks it.
                if before.is_some_and(|before| !before.is_kept_in(&place)) {
                    self.resets.push(name.to_owned());
                }
                Counter::new(name, quotas, place)
            }
        }
    }

    fn place(&self, leases: bool) -> Place {
        let Config { redis, rate_limits, .. } = self.config;
        match redis.url {
            Some(_) => Place::Redis { redis: Box::new(redis.clone()), leases },
            None => Place::Memory { max_keys: rate_limits.max_keys },
        }
    }
}

impl Counter {
    fn new(name: &str, quotas: &[QuotaConfig], place: Place) -> Result<Self, ConfigError> {
        let of_name = named(name, quotas);
        let limiter = match &place {
            Place::Memory { max_keys } => {
                Limiter::Memory(MemoryLimiterOptions::new().max_keys(max_keys.get()).build(of_name)?)
            }
            Place::Redis { redis, leases } => in_redis(name, of_name, redis, *leases)?,
        };
        Ok(Self { quotas: quotas.into(), place, limiter })
    }

    /// Whether what was counted is found in this place too.
    fn is_kept_in(&self, place: &Place) -> bool {
        match (&self.place, place) {
            (Place::Redis { redis, .. }, Place::Redis { redis: other, .. }) => {
                (&redis.url, &redis.prefix) == (&other.url, &other.prefix)
            }
            _ => false,
        }
    }
}

fn in_redis(
    name: &str,
    quotas: Vec<Quota>,
    redis: &RedisConfig,
    leases: bool,
) -> Result<Limiter, ConfigError> {
    let url = redis.url.as_ref().map_or("", |url| url.expose());
    let limiter = redis_options(redis).build(url, name, quotas)?;
    if !leases {
        return Ok(Limiter::Redis(limiter));
    }
    let (leased, returns) = LeasedLimiter::new(limiter.clone())?;
    let leases = Leases { returns: Mutex::new(Some(returns)), end: CancellationToken::new() };
    Ok(Limiter::Leased(leased, limiter, Arc::new(leases)))
}

/// Each quota's name is unique among all that an answer may tell of.
fn named(name: &str, quotas: &[QuotaConfig]) -> Vec<Quota> {
    let quota = |config: &QuotaConfig| {
        let period = config.period_seconds.get();
        let name = match quotas {
            [_] => name.to_owned(),
            _ => format!("{name}-{}s", period.as_secs_f64()),
        };
        let quota = Quota::new(narrow(config.limit), period).named(name);
        config.burst.map_or(quota.clone(), |burst| quota.burst(narrow(burst)))
    };
    quotas.iter().map(quota).collect()
}

fn narrow(count: Count) -> u32 {
    u32::try_from(count.get()).unwrap_or(u32::MAX)
}

fn redis_options(redis: &RedisConfig) -> RedisLimiterOptions {
    let outage = match redis.on_outage {
        OnOutage::Refuse => Outage::Refuse,
        OnOutage::Admit => Outage::Admit,
        OnOutage::Local => Outage::Local { replicas: narrow(redis.replicas) },
    };
    RedisLimiterOptions::new()
        .prefix(&redis.prefix)
        .connection_timeout(redis.connection_timeout_seconds.get())
        .response_timeout(redis.response_timeout_seconds.get())
        .on_outage(outage)
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").finish_non_exhaustive()
    }
}
