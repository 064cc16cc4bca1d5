//! `upgrade` of `[[proxy.routes]]`

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::{Count, Seconds};

/// Which other protocols a route lets through on a client's connection, and how many at once for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyUpgradeConfig {
    /// Their names, as `Upgrade` has them.
    #[serde(deserialize_with = "protocols")]
    pub protocols: Vec<String>,
    /// For how long nothing may go either way.
    pub idle_timeout_seconds: Seconds,
    /// Connections at once.
    pub max_connections: Count,
    /// Of those, the most of one principal.
    pub max_connections_per_principal: Count,
}

const MAX_PROTOCOLS: usize = 8;

/// They would be HTTP again, or TLS, past everything that is asked of a request.
const NEVER_PASSED: [&str; 4] = ["h2c", "h2", "http", "tls"];

impl Default for ProxyUpgradeConfig {
    fn default() -> Self {
        Self {
            protocols: vec!["websocket".to_owned()],
            idle_timeout_seconds: Seconds::new(120),
            max_connections: Count::new(1_000),
            max_connections_per_principal: Count::new(100),
        }
    }
}

fn protocols<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let protocols = Vec::<String>::deserialize(deserializer)?;
    if protocols.is_empty() || protocols.len() > MAX_PROTOCOLS {
        return Err(D::Error::invalid_length(protocols.len(), &"1 to 8 protocols such as websocket"));
    }
    match protocols.iter().find(|protocol| !is_protocol(protocol)) {
        Some(protocol) => {
            let expected = "a protocol such as websocket or name/1, and none that is HTTP or TLS";
            Err(D::Error::invalid_value(Unexpected::Str(protocol), &expected))
        }
        None => Ok(protocols.iter().map(|protocol| protocol.to_ascii_lowercase()).collect()),
    }
}

/// A name, and perhaps a version (RFC 9110 §7.8).
fn is_protocol(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(fits);
    let (name, version) = text.split_once('/').map_or((text, None), |(name, version)| (name, Some(version)));
    let is_never_passed = NEVER_PASSED.iter().any(|never| name.eq_ignore_ascii_case(never));
    is_token(name) && version.is_none_or(is_token) && !is_never_passed
}
