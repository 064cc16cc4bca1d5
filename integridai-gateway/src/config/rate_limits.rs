//! `[rate_limits]`

mod policy;

use std::collections::BTreeMap;

use integridai_tower::rate_limit::{ByClientAddress, Forwarding};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{ConfigError, Count};
pub use policy::{LimitedMethod, PolicyConfig, PolicyKey, QuotaConfig, Tiers};

/// How often somebody may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimitsConfig {
    /// Whether nothing is limited.
    pub disabled: bool,
    /// Whether refusals are only counted and told, and everything passes.
    pub shadow: bool,
    /// Keys that each policy keeps at a time without Redis.
    pub max_keys: Count,
    /// Networks whose word on the client's address counts.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<String>,
    /// The field in which they tell it.
    pub forwarding: ForwardingField,
    /// Whether answers get `X-RateLimit-*` too.
    pub legacy_headers: bool,
    /// What is limited, by a name of yours. `execute` is there unless another one of that name is.
    #[serde(deserialize_with = "policies")]
    pub policies: BTreeMap<String, PolicyConfig>,
}

/// The field in which proxies tell of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardingField {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl From<ForwardingField> for Forwarding {
    fn from(field: ForwardingField) -> Self {
        match field {
            ForwardingField::XForwardedFor => Self::XForwardedFor,
            ForwardingField::Forwarded => Self::Forwarded,
        }
    }
}

/// The policy that is there unless another one of its name is.
const EXECUTE: &str = "execute";

/// Each costs a limiter of its own, and a connection to Redis.
const MAX_POLICIES: usize = 32;

const MAX_PROXIES: usize = 256;

const MAX_KEYS: Count = Count::new(10_000_000);

impl Default for RateLimitsConfig {
    fn default() -> Self {
        Self {
            disabled: false,
            shadow: false,
            max_keys: Count::new(100_000),
            trusted_proxies: Vec::new(),
            forwarding: ForwardingField::XForwardedFor,
            legacy_headers: false,
            policies: BTreeMap::from([(EXECUTE.to_owned(), PolicyConfig::published())]),
        }
    }
}

impl RateLimitsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_keys > MAX_KEYS {
            return Err(ConfigError::Contradiction {
                keys: "rate_limits.max_keys".into(),
                reason: "at most 10000000: each takes 16 bytes and more",
            });
        }
        for (name, policy) in &self.policies {
            if let Some(reason) = policy.contradiction() {
                let keys = format!("rate_limits.policies.{name}").into();
                return Err(ConfigError::Contradiction { keys, reason });
            }
        }
        Ok(())
    }
}

/// A list of networks, such as `10.0.0.0/8`.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let networks = Vec::<String>::deserialize(deserializer)?;
    if networks.len() > MAX_PROXIES {
        return Err(D::Error::custom(format!("at most {MAX_PROXIES} networks")));
    }
    if !networks.is_empty() {
        let unasked = ByClientAddress::new(|_| None);
        let checked = unasked.behind(&networks, Forwarding::XForwardedFor);
        checked.map_err(D::Error::custom).map(drop)?;
    }
    Ok(networks)
}

fn policies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, PolicyConfig>, D::Error> {
    let mut policies = BTreeMap::<String, PolicyConfig>::deserialize(deserializer)?;
    policies.entry(EXECUTE.to_owned()).or_insert_with(PolicyConfig::published);
    if policies.len() > MAX_POLICIES {
        return Err(D::Error::custom(format!("at most {MAX_POLICIES} policies")));
    }
    match policies.keys().find(|name| !policy::is_name(name)) {
        Some(_) => {
            Err(D::Error::custom("a policy's name is 1 to 24 of a-z, A-Z, 0-9, `_`, `-`, `.` and `:`"))
        }
        None => Ok(policies),
    }
}
