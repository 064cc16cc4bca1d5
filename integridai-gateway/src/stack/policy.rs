//! One limit: which requests it is about, and whose quota those are charged to.

use std::fmt;
use std::sync::Arc;

use axum::extract::MatchedPath;
use http::Method;
use http::header::AUTHORIZATION;
use integridai_tower::rate_limit::{
    ByApiKey, ByClientAddress, ByPrincipal, ByTenant, Key, KeyBy, RateLimitLayer, RequestHead,
};
use integridai_tower::{ConfigError, Principal};

use super::counters::CountersMaking;
use super::edge::API_KEY;
use crate::config::{LimitedMethod, PolicyConfig, PolicyKey, QuotaConfig, RateLimitsConfig};
use crate::server::PeerAddr;

/// A policy of the configuration. A clone is the same.
#[derive(Clone)]
pub struct Policy(Arc<Facts>);

struct Facts {
    name: String,
    config: PolicyConfig,
    key_by: Box<dyn KeyBy>,
}

/// Principals of a role, by its place, or all the others.
pub type Tier = Option<usize>;

/// Who may ask without end as long as they present no credentials: one that guesses them would come here otherwise.
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/api/v1/health"];

impl Policy {
    pub(super) fn new(
        name: &str,
        config: &PolicyConfig,
        limits: &RateLimitsConfig,
    ) -> Result<Self, ConfigError> {
        let key_by = key_by(config.by, limits)?;
        Ok(Self(Arc::new(Facts { name: name.to_owned(), config: config.clone(), key_by })))
    }

    /// Its name, or that of the route that it is of.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it says.
    #[must_use]
    pub fn config(&self) -> &PolicyConfig {
        &self.0.config
    }

    /// Each tier, with the quotas that its principals have.
    pub fn tiers(&self) -> impl Iterator<Item = (Tier, &[QuotaConfig])> {
        let of_roles = self.0.config.tiers.iter().enumerate();
        let of_roles = of_roles.map(|(place, (_, quotas))| (Some(place), quotas.as_slice()));
        std::iter::once((None, self.0.config.quotas.as_slice())).chain(of_roles)
    }

    /// The role of the tier; `None` is all the others.
    #[must_use]
    pub fn role(&self, tier: Tier) -> Option<&str> {
        self.0.config.tiers.iter().nth(tier?).map(|(role, _)| role.as_str())
    }

    /// What counts for the tier.
    #[must_use]
    pub fn counter(&self, tier: Tier) -> String {
        match self.role(tier) {
            Some(role) => format!("{}/{role}", self.0.name),
            None => self.0.name.clone(),
        }
    }

    /// In which tier the request is counted; `None` where the policy is not about it.
    #[must_use]
    pub fn tier_for(&self, request: &RequestHead<'_>) -> Option<Tier> {
        let is_about_it = covers(&self.0.config, request) && !is_exempt(request);
        is_about_it.then(|| self.tier_of(request))
    }

    /// The tier of whoever asks.
    #[must_use]
    pub fn tier_of(&self, request: &RequestHead<'_>) -> Tier {
        if self.0.config.tiers.is_empty() {
            return None;
        }
        let principal = request.extensions.get::<Principal>()?;
        self.0.config.tiers.iter().position(|(role, _)| principal.has_role(role))
    }

    /// Whose quota it is; `None` where that cannot be told, and then there is no limit.
    #[must_use]
    pub fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        self.0.key_by.key(request)
    }

    /// A layer for each tier.
    pub(super) fn layers(
        &self,
        making: &mut CountersMaking<'_>,
        finish: impl Fn(RateLimitLayer) -> RateLimitLayer,
    ) -> Result<Vec<RateLimitLayer>, ConfigError> {
        let layer = |(tier, quotas)| {
            let (by, about) = (self.clone(), self.clone());
            let key_by = move |request: &RequestHead<'_>| by.key(request);
            let layer = making.layer(&self.counter(tier), quotas, self.0.config.leases, key_by)?;
            Ok(finish(layer).exempt_if(move |request| about.tier_for(request) != Some(tier)))
        };
        self.tiers().map(layer).collect()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("name", &self.0.name).finish_non_exhaustive()
    }
}

fn key_by(key: PolicyKey, config: &RateLimitsConfig) -> Result<Box<dyn KeyBy>, ConfigError> {
    Ok(match key {
        PolicyKey::Address => Box::new(by_address(config)?.or(everybody)),
        PolicyKey::Principal => Box::new(ByPrincipal::new()),
        // Whoever has none is limited by himself, and does not escape.
        PolicyKey::Tenant => Box::new(ByTenant::new().or(ByPrincipal::new())),
        PolicyKey::ApiKey => Box::new(ByApiKey::new().or(ByPrincipal::new())),
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
