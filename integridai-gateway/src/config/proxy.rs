//! `[proxy]`

mod route;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use integridai_tower::auth::Fact;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConfigError, Protocol, RateLimitsConfig, ResilienceConfig, ServiceConfig, ServicesConfig};
pub use route::{ProxyCacheConfig, ProxyRouteConfig, RoutePath, RouteTarget};
pub use upgrade::ProxyUpgradeConfig;

/// What is passed on to services as it comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// The services that are reached below `/api/v1/`; none: only what `routes` say is passed on.
    #[serde(deserialize_with = "services")]
    pub services: Vec<String>,
    /// What the gateway calls itself in `Via`; a request that has it already goes in circles.
    #[serde(deserialize_with = "pseudonym")]
    pub pseudonym: String,
    /// What services are told of who asks, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identity: BTreeMap<String, IdentityFact>,
    /// Fields of identity and of correlation that clients may send to services by themselves.
    pub allowed_fields: Vec<String>,
    /// Further routes, and those of the three services that are to be otherwise.
    pub routes: Vec<ProxyRouteConfig>,
}

/// What a service is told of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFact(Fact);

/// Each has a state of its own, and stands in labels of metrics.
const MAX_ROUTES: usize = 64;

const MAX_IDENTITY_FIELDS: usize = 16;

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            services: route::SERVICES.map(str::to_owned).into(),
            pseudonym: "integridai-gateway".to_owned(),
            identity: BTreeMap::new(),
            allowed_fields: Vec::new(),
            routes: Vec::new(),
        }
    }
}

impl ProxyConfig {
    /// The services of routes that are none of the three, by name.
    #[must_use]
    pub fn further_services(&self) -> Vec<(String, ServiceConfig)> {
        self.routes.iter().filter_map(ProxyRouteConfig::further_service).collect()
    }

    pub(super) fn check(
        &self,
        services: &ServicesConfig,
        limits: &RateLimitsConfig,
    ) -> Result<(), ConfigError> {
        let wrong = |keys: String, reason| ConfigError::Contradiction { keys: keys.into(), reason };
        if self.routes.len() > MAX_ROUTES {
            return Err(wrong("proxy.routes".to_owned(), "at most 64 routes"));
        }
        if self.identity.len() > MAX_IDENTITY_FIELDS {
            return Err(wrong("proxy.identity".to_owned(), "at most 16 fields"));
        }
        if let Some(name) = self.identity.keys().find(|name| !is_identity_field(name)) {
            return Err(wrong(
                format!("proxy.identity.{name}"),
                "expected the name of a field that nothing else needs, in lower case, such as x-user-id",
            ));
        }
        if let Some(name) = self.allowed_fields.iter().find(|name| !is_identity_field(name)) {
            let reason =
                "expected the name of a field that nothing else needs, in lower case, such as x-request-id";
            return Err(wrong(format!("proxy.allowed_fields, {name}"), reason));
        }
        if let Some(name) = self.allowed_fields.iter().find(|name| self.identity.contains_key(*name)) {
            let reason = "what the gateway tells of who asks cannot be the client's to say";
            return Err(wrong(format!("proxy.allowed_fields, proxy.identity.{name}"), reason));
        }
        let reasons = self.routes.iter().map(|route| {
            let own = || self.taken(route, limits).or_else(|| self.unspoken(route, services));
            route.contradiction().or_else(|| self.unknown(route)).or_else(own)
        });
        match reasons.enumerate().find_map(|(index, reason)| Some((index, reason?))) {
            Some((index, reason)) => Err(wrong(format!("proxy.routes[{index}]"), reason)),
            None => Ok(()),
        }
    }

    /// What is done when this service fails, where routes of it have something of their own; by their names.
    #[must_use]
    pub fn own_resilience(&self, service: &str) -> Vec<(String, ResilienceConfig)> {
        let routes = self.routes.iter().filter(|route| route.service == service);
        routes.filter_map(ProxyRouteConfig::own_resilience).collect()
    }

    /// Circuits and limits are told apart by their names.
    fn taken(&self, route: &ProxyRouteConfig, limits: &RateLimitsConfig) -> Option<&'static str> {
        let name = route.name.as_ref()?;
        let services = route::SERVICES.into_iter().chain(self.routes.iter().map(|route| &*route.service));
        let names = self.routes.iter().filter_map(|route| route.name.as_ref());
        let is_taken = services.into_iter().any(|service| service == name)
            || names.filter(|other| *other == name).count() > 1
            || limits.policies.contains_key(name);
        is_taken.then_some("the name is that of a service, of another route or of a policy of rate_limits")
    }

    /// Only HTTP/1.1 has connections that can change to another protocol.
    fn unspoken(&self, route: &ProxyRouteConfig, services: &ServicesConfig) -> Option<&'static str> {
        let of_route = |other: &ProxyRouteConfig| Some(other.further_service()?.1.protocol);
        let further = self.routes.iter().filter(|other| other.service == route.service);
        let protocol = match services.named(&route.service) {
            Some(service) => Some(service.protocol),
            None => further.into_iter().find_map(of_route),
        };
        let is_unspoken = route.upgrade.is_some() && protocol == Some(Protocol::Http2);
        is_unspoken
            .then_some("the service speaks HTTP/2, where no connection changes its protocol: no upgrade")
    }

    /// A further service is where exactly one of its routes says.
    fn unknown(&self, route: &ProxyRouteConfig) -> Option<&'static str> {
        if route::SERVICES.contains(&route.service.as_str()) {
            return None;
        }
        let of_it = self.routes.iter().filter(|other| other.service == route.service);
        match of_it.filter(|other| other.base_url.is_some()).count() {
            0 => Some("the service is none of the three: one of its routes has to have a base_url"),
            1 => None,
            _ => Some("several routes say where this service is: one of them has to"),
        }
    }
}

fn services<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let services = BTreeSet::<String>::deserialize(deserializer)?;
    match services.iter().find(|name| !route::SERVICES.contains(&name.as_str())) {
        Some(name) => Err(D::Error::unknown_variant(name, &route::SERVICES)),
        None => Ok(services.into_iter().collect()),
    }
}

/// A field that routes or frames a request, or holds credentials, has a meaning already.
fn is_identity_field(name: &str) -> bool {
    let taken = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-api-key",
        "x-correlation-id",
    ];
    let is_name = HeaderName::from_lowercase(name.as_bytes()).is_ok();
    is_name && !taken.contains(&name) && !name.starts_with("x-forwarded-")
}

/// A token (RFC 9110 §7.6.3).
fn pseudonym<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text);
    }
    Err(D::Error::invalid_value(Unexpected::Str(&text), &"1 to 64 of a-z, A-Z, 0-9, `-`, `.` and `_`"))
}

impl IdentityFact {
    /// As the layer knows it.
    #[must_use]
    pub fn get(&self) -> Fact {
        self.0.clone()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self(match text {
            "subject" => Fact::Subject,
            "issuer" => Fact::Issuer,
            "tenant" => Fact::Tenant,
            "kind" => Fact::Kind,
            "scopes" => Fact::Scopes,
            "roles" => Fact::Roles,
            _ => Fact::Claim(text.strip_prefix("claim:").filter(|name| !name.is_empty())?.into()),
        }))
    }
}

impl<'de> Deserialize<'de> for IdentityFact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "subject, issuer, tenant, kind, scopes, roles or claim:NAME";
        Self::parse(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

impl Serialize for IdentityFact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&match &self.0 {
            Fact::Issuer => "issuer".to_owned(),
            Fact::Tenant => "tenant".to_owned(),
            Fact::Kind => "kind".to_owned(),
            Fact::Scopes => "scopes".to_owned(),
            Fact::Roles => "roles".to_owned(),
            Fact::Claim(name) => format!("claim:{name}"),
            _ => "subject".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
