//! How often somebody may ask: the policies of the configuration as layers.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use integridai_tower::ConfigError;
use integridai_tower::rate_limit::{
    ByClientAddress, Fields, Forwarding, Key, MemoryLimiter, Quota, RateLimitLayer, Verdict, WithoutKey,
};
use tokio_util::task::TaskTracker;

use super::counters::{Counters, CountersMaking};
use super::policy::Policy;
use super::refused::refused;
use crate::config::{Config, PolicyConfig, PolicyKey, RateLimitsConfig};
use crate::services::RedisHealth;

/// The limits of the gateway. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Outside of authentication.
    by_address: Vec<RateLimitLayer>,
    /// Inside of it.
    by_principal: Vec<RateLimitLayer>,
    /// Of proxy routes, by their names.
    of_routes: Vec<(Policy, Vec<RateLimitLayer>)>,
    /// Those that are of no route.
    policies: Vec<Policy>,
    counters: Counters,
    changes: Vec<(MemoryLimiter, Vec<Quota>)>,
    resets: Vec<String>,
}

/// How often the state of the limiters is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

impl Limits {
    /// As they are configured, over routes of these templates. What was counted `before` counts on where the same is counted in the
    /// same place; quotas that change do so when these limits [come into force](Self::come_into_force).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a policy names a route that there is not, or quotas that cannot work.
    pub fn new(config: &Config, templates: &[String], before: Option<&Self>) -> Result<Self, ConfigError> {
        let mut limits = Self::default();
        let finish = |layer| told(layer, &config.rate_limits);
        let mut making = CountersMaking::new(config, before.map(|before| &before.counters));
        for (name, policy) in &config.rate_limits.policies {
            let of_policy =
                |error: ConfigError| ConfigError::new("rate_limits.policies", format!("{name}: {error}"));
            check_routes(policy, templates).map_err(of_policy)?;
            let policy = Policy::new(name, policy, &config.rate_limits).map_err(of_policy)?;
            let layers = policy.layers(&mut making, finish).map_err(of_policy)?;
            match policy.config().by {
                PolicyKey::Address => limits.by_address.extend(layers),
                _ => limits.by_principal.extend(layers),
            }
            limits.policies.push(policy);
        }
        for route in &config.proxy.routes {
            if let (Some(name), Some(policy)) = (&route.name, &route.rate_limit) {
                let of_route =
                    |error: ConfigError| ConfigError::new("proxy.routes", format!("{name}: {error}"));
                let policy = Policy::new(name, policy, &config.rate_limits).map_err(of_route)?;
                let layers = policy.layers(&mut making, finish).map_err(of_route)?;
                limits.of_routes.push((policy, layers));
            }
        }
        let CountersMaking { made, changes, resets, .. } = making;
        Ok(match config.rate_limits.disabled {
            true => Self::default(),
            false => Self { counters: made, changes, resets, ..limits },
        })
    }

    /// From now on the changed quotas count, also for requests that came before.
    pub fn come_into_force(&mut self) {
        for (limiter, quotas) in self.changes.drain(..) {
            limiter.set_quotas(quotas).expect("they were tried when these limits were made");
        }
    }

    /// The policies that count anew.
    #[must_use]
    pub fn resets(&self) -> &[String] {
        &self.resets
    }

    /// Of the route of this name alone.
    pub(super) fn of_route(&self, name: &str) -> &[RateLimitLayer] {
        let found = self.of_routes.iter().find(|(policy, _)| policy.name() == name);
        found.map_or(&[], |(_, layers)| layers)
    }

    /// Outside of authentication, so that guesses of credentials count too.
    pub(super) fn outside(&self, routes: Router) -> Router {
        self.by_address.iter().cloned().fold(routes, Router::layer)
    }

    /// Inside of authentication.
    pub(super) fn inside(&self, routes: Router) -> Router {
        self.by_principal.iter().cloned().fold(routes, Router::layer)
    }

    /// All policies: first those of the configuration's own section, then those of routes.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().chain(self.of_routes.iter().map(|(policy, _)| policy))
    }

    pub(super) fn own_policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    pub(super) fn policy_of_route(&self, name: &str) -> Option<&Policy> {
        self.of_routes.iter().map(|(policy, _)| policy).find(|policy| policy.name() == name)
    }

    /// How a key stands with the counter of this name, without charging it; `None` where there is no such counter.
    pub async fn inspect(&self, counter: &str, key: &Key) -> Option<Verdict> {
        self.counters.inspect(counter, key).await
    }

    /// Gives a key its full quota in the counter of this name: whether that is done, which takes a Redis that answers where it
    /// counts in one; `None` where there is no such counter.
    pub async fn reset(&self, counter: &str, key: &Key) -> Option<bool> {
        self.counters.reset(counter, key).await
    }

    /// How many keys a counter keeps in memory, where it counts there.
    #[must_use]
    pub fn keys(&self, counter: &str) -> Option<usize> {
        let in_memory = self.counters.in_memory();
        in_memory.iter().find(|(name, _)| name == counter).map(|(_, memory)| memory.status().keys)
    }

    /// How the Redis is in which replicas count together.
    #[must_use]
    pub fn redis_health(&self) -> RedisHealth {
        RedisHealth::new(self.counters.in_redis())
    }

    /// Tells the figures of the limiters, and looks after Redis where no request does; to be polled as long as the
    /// gateway runs.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + use<> {
        let (memory, redis) = (self.counters.in_memory(), self.redis_health());
        async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                redis.ask().await;
                tell(&memory, &redis);
            }
        }
    }

    /// Has what is leased and not used given back, by tasks of the tracker; the last of it once these limits, and others that
    /// count on with the same, are dropped.
    pub fn return_leases(&self, tasks: &TaskTracker) {
        self.counters.return_leases(tasks);
    }
}

/// What becomes of whoever asks too often.
fn told(layer: RateLimitLayer, config: &RateLimitsConfig) -> RateLimitLayer {
    let fields = if config.legacy_headers { Fields::StandardAndLegacy } else { Fields::Standard };
    let layer = layer.without_key(WithoutKey::Admit).fields(fields).reject_with(refused);
    if config.shadow { layer.shadow() } else { layer }
}

fn check_routes(policy: &PolicyConfig, templates: &[String]) -> Result<(), ConfigError> {
    match policy.routes.iter().find(|route| !templates.contains(route)) {
        Some(route) => {
            let known = templates.join(", ");
            Err(ConfigError::new("routes", format!("{route:?} is none of {known}")))
        }
        None => Ok(()),
    }
}

/// Whether an address is within one of the networks.
///
/// # Errors
///
/// When one is no network.
pub fn within(networks: &[String]) -> Result<impl Fn(IpAddr) -> bool + Send + Sync + 'static, ConfigError> {
    let networks = ByClientAddress::new(|_| None).behind(networks, Forwarding::XForwardedFor)?;
    Ok(move |address| networks.trusts(address))
}

#[allow(clippy::cast_precision_loss, reason = "counts")]
fn tell(memory: &[(String, MemoryLimiter)], redis: &RedisHealth) {
    for (policy, limiter) in memory {
        let status = limiter.status();
        metrics::gauge!("integridai_rate_limit_keys", "policy" => policy.clone()).set(status.keys as f64);
        metrics::counter!("integridai_rate_limit_without_room_total", "policy" => policy.clone())
            .absolute(status.without_room);
    }
    if redis.is_configured() {
        metrics::gauge!("integridai_redis_up").set(f64::from(u8::from(redis.is_healthy())));
        metrics::counter!("integridai_rate_limit_without_redis_total").absolute(redis.without_redis());
    }
}
