//! `[services.regtech.resilience]` and those of the other services

use std::fmt;

use http::uri::Authority;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Count, Seconds, UrlPath};

/// What is done when a service fails, is slow or has too much to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResilienceConfig {
    /// How often a call is made at most that may be repeated; 1 for once.
    pub attempts: Count,
    /// Failures in a row after which the service is left alone.
    pub open_after_failures: Count,
    /// How long it is left alone before a call tries whether it is back.
    pub open_seconds: Seconds,
    /// Whether a slow GET is asked a second time, after the time within which 95 of 100 were answered lately.
    pub hedge: bool,
    /// Calls under way at once, at most.
    pub max_concurrent: Count,
    /// Whether fewer are let through where the service slows down.
    pub adaptive: bool,
    /// Calls that may wait for their turn.
    pub max_queued: Count,
    /// Where replicas of the service are, as `host:port`; each call goes to the better of two. None: where `base_url` says.
    pub addresses: Vec<Address>,
    /// How each of the addresses is asked whether it is well; not at all unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckConfig>,
}

/// How each address is asked whether it is well: it is while it answers 2xx. Calls go to those that are not only where too few are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheckConfig {
    /// What is asked for, by GET.
    pub path: UrlPath,
    /// The time from one check to the next.
    pub interval_seconds: Seconds,
    /// How long an answer may take.
    pub timeout_seconds: Seconds,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Authority);

impl Default for ResilienceConfig {
    fn default() -> Self {
        Self {
            attempts: Count::new(3),
            open_after_failures: Count::new(5),
            open_seconds: Seconds::new(30),
            hedge: false,
            max_concurrent: Count::new(256),
            adaptive: false,
            max_queued: Count::new(1024),
            addresses: Vec::new(),
            health_check: None,
        }
    }
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self {
            path: UrlPath::new("/health"),
            interval_seconds: Seconds::new(10),
            timeout_seconds: Seconds::new(2),
        }
    }
}

impl Address {
    /// The host and the port.
    #[must_use]
    pub fn get(&self) -> &Authority {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = text.parse::<Authority>().ok();
        let has_all = |address: &Authority| {
            !address.host().is_empty()
                && address.port_u16().is_some_and(|port| port > 0)
                && !text.contains('@')
        };
        let wrong =
            || D::Error::invalid_value(Unexpected::Str(&text), &"a host and a port, such as 10.0.0.1:3000");
        address.filter(has_all).map(Self).ok_or_else(wrong)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
