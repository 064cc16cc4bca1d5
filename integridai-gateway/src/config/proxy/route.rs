//! `[[proxy.routes]]`

use http::Method;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::ProxyUpgradeConfig;
use crate::config::{
    BaseUrl, Count, PolicyConfig, Protocol, ResilienceConfig, Seconds, Secret, ServiceConfig, WholeSeconds,
};

/// One route: which requests, to which service, and on what terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyRouteConfig {
    /// What limits and a circuit of its own are called; needed where it has such.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "name")]
    pub name: Option<String>,
    /// All paths below this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<RoutePath>,
    /// This path alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RoutePath>,
    /// The methods; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "methods")]
    pub methods: Vec<String>,
    /// The names of this gateway in `Host`, without a port; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "hosts")]
    pub hosts: Vec<String>,
    /// One of the three services, or with `base_url` the name of another one.
    #[serde(deserialize_with = "service")]
    pub service: String,
    /// Where another service is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// What another service speaks there; HTTP/1.1 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// What another service is sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    /// What takes the place of the prefix or the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RoutePath>,
    /// What a principal needs; `proxy:SERVICE` for the three services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The greatest content of a request in bytes; `server.max_body_bytes` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<Count>,
    /// How long it may take until the head of an answer is there; the service's `timeout_seconds` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<Seconds>,
    /// For how long nothing may go either way of an exchange, and of content that still comes.
    #[serde(default = "idle_timeout")]
    pub idle_timeout_seconds: Seconds,
    /// What is done when the service fails, in place of what is said with the service; with `base_url`, for all of its routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resilience: Option<ResilienceConfig>,
    /// How often somebody may ask, beside the policies of `[rate_limits]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<PolicyConfig>,
    /// What is kept of answers; nothing unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<ProxyCacheConfig>,
    /// Which other protocols it lets through; none unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<ProxyUpgradeConfig>,
}

/// What is kept of a route's answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyCacheConfig {
    /// Whether an answer to one caller is given to all others with the scope. Without it none is kept.
    pub shared: bool,
    /// How long an answer is fresh that says nothing of it; 0 for not at all.
    pub default_ttl_seconds: WholeSeconds,
}

/// Which paths a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTarget<'a> {
    /// All below.
    Prefix(&'a str),
    /// This one.
    Path(&'a str),
}

/// The path of a route: plain segments, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoutePath(String);

/// Those of `[services]`.
pub(super) const SERVICES: [&str; 3] = ["dashboard", "flaisimulator", "regtech"];

/// Refused on every route: one reflects what was sent, credentials included, the other asks for a tunnel.
const NEVER_PASSED: [&str; 2] = ["TRACE", "CONNECT"];

impl RoutePath {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProxyRouteConfig {
    /// The route to all of one of the three services.
    #[must_use]
    pub fn to_all_of(service: &str) -> Self {
        Self {
            name: None,
            prefix: Some(RoutePath(format!("/api/v1/{service}"))),
            path: None,
            methods: Vec::new(),
            hosts: Vec::new(),
            service: service.to_owned(),
            base_url: None,
            protocol: None,
            bearer_token: None,
            rewrite: None,
            scope: None,
            max_body_bytes: None,
            timeout_seconds: None,
            idle_timeout_seconds: idle_timeout(),
            resilience: None,
            rate_limit: None,
            cache: None,
            upgrade: None,
        }
    }

    /// Which paths it is for; `None` where it does not say so in one way.
    #[must_use]
    pub fn target(&self) -> Option<RouteTarget<'_>> {
        match (&self.prefix, &self.path) {
            (Some(prefix), None) => Some(RouteTarget::Prefix(prefix.as_str())),
            (None, Some(path)) => Some(RouteTarget::Path(path.as_str())),
            _ => None,
        }
    }

    pub(super) fn further_service(&self) -> Option<(String, ServiceConfig)> {
        let base_url = self.base_url.clone()?;
        let config = ServiceConfig {
            base_url,
            protocol: self.protocol.unwrap_or_default(),
            timeout_seconds: self.timeout_seconds.unwrap_or(Seconds::new(60)),
            max_response_bytes: Count::new(4 * 1024 * 1024),
            bearer_token: self.bearer_token.clone(),
            resilience: self.resilience.clone().unwrap_or_default(),
        };
        Some((self.service.clone(), config))
    }

    /// What is done when the service fails, where that is of this route alone; by the route's name.
    pub(super) fn own_resilience(&self) -> Option<(String, ResilienceConfig)> {
        let own = self.resilience.clone().filter(|_| self.base_url.is_none())?;
        Some((self.name.clone()?, own))
    }

    /// What is wrong with what is of this route alone.
    fn own_contradiction(&self) -> Option<&'static str> {
        let own = self.resilience.as_ref().filter(|_| self.base_url.is_none());
        let is_elsewhere = own.is_some_and(|own| !own.addresses.is_empty() || own.health_check.is_some());
        let names_others = |policy: &PolicyConfig| !policy.routes.is_empty() || !policy.methods.is_empty();
        let rules = [
            (
                self.name.is_none() && (own.is_some() || self.rate_limit.is_some()),
                "expected a name, by which a limit or a circuit of its own is told of",
            ),
            (
                is_elsewhere,
                "where a service is stands with the service: no addresses and no health_check here",
            ),
            (
                self.rate_limit.as_ref().is_some_and(names_others),
                "a rate_limit here is of this route's requests: no routes and no methods",
            ),
        ];
        let broken = rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, reason)| reason);
        broken.or_else(|| self.rate_limit.as_ref()?.contradiction())
    }

    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let is_of_the_three = SERVICES.contains(&self.service.as_str());
        let is_shared = self.cache.is_some_and(|cache| cache.shared);
        let rules = [
            (self.target().is_none(), "expected exactly one of prefix and path"),
            (
                is_of_the_three
                    && (self.base_url.is_some() || self.bearer_token.is_some() || self.protocol.is_some()),
                "where this service is, what it speaks and what it is sent, is said in [services]",
            ),
            (
                self.base_url.is_none() && (self.bearer_token.is_some() || self.protocol.is_some()),
                "what a service speaks and what it is sent stands beside its base_url",
            ),
            (
                !is_of_the_three && self.scope.is_none(),
                "expected a scope, since the service is none of the three",
            ),
            (is_shared && !self.hosts.is_empty(), "what is kept knows no hosts: no shared cache with hosts"),
            (
                is_shared && self.upgrade.is_some(),
                "another protocol cannot be kept: no shared cache with upgrade",
            ),
        ];
        let broken = rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, reason)| reason);
        broken.or_else(|| self.own_contradiction()).or_else(|| self.further_service()?.1.contradiction())
    }
}

impl<'de> Deserialize<'de> for RoutePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(is_plain);
        let is_path = text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
        let expected = "a path such as /api/v1/reports, of letters, digits, `-`, `.`, `_` and `~`";
        if is_path { Ok(Self(text)) } else { Err(D::Error::invalid_value(Unexpected::Str(&text), &expected)) }
    }
}

fn idle_timeout() -> Seconds {
    Seconds::new(300)
}

fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let methods = Vec::<String>::deserialize(deserializer)?;
    let is_passed =
        |method: &str| Method::from_bytes(method.as_bytes()).is_ok() && !NEVER_PASSED.contains(&method);
    match methods.iter().find(|method| !is_passed(method)) {
        Some(method) => {
            Err(D::Error::invalid_value(Unexpected::Str(method), &"a method other than TRACE and CONNECT"))
        }
        None => Ok(methods),
    }
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte);
    match hosts.iter().find(|host| host.is_empty() || !host.bytes().all(is_host)) {
        Some(host) => Err(D::Error::invalid_value(Unexpected::Str(host), &"a host without a port")),
        None => Ok(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    service(deserializer).map(Some)
}

fn service<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=24).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(name);
    }
    Err(D::Error::invalid_value(Unexpected::Str(&name), &"1 to 24 of a-z, 0-9 and `-`"))
}
