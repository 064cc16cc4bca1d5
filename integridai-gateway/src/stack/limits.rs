//! How often somebody may ask: the policies of the configuration as layers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use http::Method;
use http::header::AUTHORIZATION;
use integridai_tower::rate_limit::{
    ByApiKey, ByClientAddress, ByPrincipal, ByTenant, Fields, Forwarding, Key, KeyBy, MemoryLimiter, Quota,
    RateLimitLayer, RequestHead, WithoutKey,
};
use integridai_tower::{ConfigError, Principal};
use tokio_util::task::TaskTracker;

use super::counters::{Counters, CountersMaking};
use super::edge::API_KEY;
use super::refused::refused;
use crate::config::{Config, LimitedMethod, PolicyConfig, PolicyKey, RateLimitsConfig};
use crate::server::PeerAddr;
use crate::services::RedisHealth;

/// The limits of the gateway.
#[derive(Debug, Default)]
pub struct Limits {
    /// Outside of authentication.
    by_address: Vec<RateLimitLayer>,
    /// Inside of it.
    by_principal: Vec<RateLimitLayer>,
    /// Of proxy routes, by their names.
    of_routes: Vec<(String, Vec<RateLimitLayer>)>,
    counters: Counters,
    changes: Vec<(MemoryLimiter, Vec<Quota>)>,
    resets: Vec<String>,
}

/// Who may ask without end as long as they present no credentials: one that guesses them would come here otherwise.
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/api/v1/health"];

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
        let mut making = CountersMaking::new(config, before.map(|before| &before.counters));
        for (name, policy) in &config.rate_limits.policies {
            let of_policy =
                |error: ConfigError| ConfigError::new("rate_limits.policies", format!("{name}: {error}"));
            check_routes(policy, templates).map_err(of_policy)?;
            let layers = layers(name, policy, &config.rate_limits, &mut making).map_err(of_policy)?;
            match policy.by {
                PolicyKey::Address => limits.by_address.extend(layers),
                _ => limits.by_principal.extend(layers),
            }
        }
        for route in &config.proxy.routes {
            if let (Some(name), Some(policy)) = (&route.name, &route.rate_limit) {
                let of_route =
                    |error: ConfigError| ConfigError::new("proxy.routes", format!("{name}: {error}"));
                let layers = layers(name, policy, &config.rate_limits, &mut making).map_err(of_route)?;
                limits.of_routes.push((name.clone(), layers));
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
        let found = self.of_routes.iter().find(|(other, _)| other == name);
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

fn layers(
    name: &str,
    policy: &PolicyConfig,
    config: &RateLimitsConfig,
    making: &mut CountersMaking<'_>,
) -> Result<Vec<RateLimitLayer>, ConfigError> {
    let mut layers = Vec::new();
    let key_by = key_by(policy.by, config)?;
    let others = (name.to_owned(), None, &policy.quotas);
    let tiers = policy.tiers.iter().enumerate();
    let tiers = tiers.map(|(at, (role, quotas))| (format!("{name}/{role}"), Some(at), quotas));
    for (name, tier, quotas) in std::iter::once(others).chain(tiers) {
        let key_by = Arc::clone(&key_by);
        let key_by = move |request: &RequestHead<'_>| key_by.key(request);
        let layer = told(making.layer(&name, quotas, policy.leases, key_by)?, config);
        let covered = policy.clone();
        layers.push(layer.exempt_if(move |request| {
            !covers(&covered, request) || is_exempt(request) || tier_of(&covered, request) != tier
        }));
    }
    Ok(layers)
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

fn key_by(key: PolicyKey, config: &RateLimitsConfig) -> Result<Arc<dyn KeyBy>, ConfigError> {
    Ok(match key {
        PolicyKey::Address => Arc::new(by_address(config)?.or(everybody)),
        PolicyKey::Principal => Arc::new(ByPrincipal::new()),
        // Whoever has none is limited by himself, and does not escape.
        PolicyKey::Tenant => Arc::new(ByTenant::new().or(ByPrincipal::new())),
        PolicyKey::ApiKey => Arc::new(ByApiKey::new().or(ByPrincipal::new())),
    })
}

/// Where the peer is not known, all share one quota.
#[allow(clippy::unnecessary_wraps, reason = "as the trait has it")]
fn everybody(_: &RequestHead<'_>) -> Option<Key> {
    Some(Key::new())
}

pub(super) fn by_address(config: &RateLimitsConfig) -> Result<ByClientAddress, ConfigError> {
    let peer = |request: &RequestHead<'_>| request.extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
    let by_address = ByClientAddress::new(peer);
    if config.trusted_proxies.is_empty() {
        return Ok(by_address);
    }
    by_address.behind(&config.trusted_proxies, config.forwarding.into())
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

fn covers(policy: &PolicyConfig, request: &RequestHead<'_>) -> bool {
    let is_of_route = || {
        let path = request.extensions.get::<MatchedPath>();
        path.is_some_and(|path| policy.routes.iter().any(|route| is_template(route, path.as_str())))
    };
    (policy.methods.is_empty() || policy.methods.iter().any(|method| is_method(*method, request.method)))
        && (policy.routes.is_empty() || is_of_route())
}

/// All below a prefix counts as one, and so does the prefix itself.
fn is_template(route: &str, matched: &str) -> bool {
    route == matched || (matched.ends_with('/') && route.strip_suffix("{*path}") == Some(matched))
}

/// A route that takes GET takes HEAD as well, and a WebSocket over HTTP/2 begins with CONNECT (RFC 8441 §4).
fn is_method(limited: LimitedMethod, method: &Method) -> bool {
    match limited {
        LimitedMethod::Get => [Method::GET, Method::HEAD, Method::CONNECT].contains(method),
        LimitedMethod::Post => *method == Method::POST,
        LimitedMethod::Put => *method == Method::PUT,
        LimitedMethod::Patch => *method == Method::PATCH,
        LimitedMethod::Delete => *method == Method::DELETE,
    }
}

/// A preflight never has credentials (Fetch §4.8), and a probe needs none: who presents some may be guessing them.
fn is_exempt(request: &RequestHead<'_>) -> bool {
    let has_ticket = request.uri.query().is_some_and(|query| query.contains("ticket="));
    let has_credentials = [AUTHORIZATION, API_KEY].iter().any(|name| request.headers.contains_key(name));
    let is_free = *request.method == Method::OPTIONS || HEALTH.contains(&request.uri.path());
    is_free && !has_credentials && !has_ticket
}

/// The place of the first tier whose role the principal has.
fn tier_of(policy: &PolicyConfig, request: &RequestHead<'_>) -> Option<usize> {
    if policy.tiers.is_empty() {
        return None;
    }
    let principal = request.extensions.get::<Principal>()?;
    policy.tiers.iter().position(|(role, _)| principal.has_role(role))
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
