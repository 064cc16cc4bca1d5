//! `[redis]`

use integridai_tower::rate_limit::Quota;
use integridai_tower::rate_limit::redis::RedisLimiterOptions;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConfigError, Count, Seconds};

/// Where replicas of the gateway count together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// Where it is; without it each gateway counts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<RedisUrl>,
    /// What all keys begin with.
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    /// How long a connection may take.
    pub connection_timeout_seconds: Seconds,
    /// How long an answer may take.
    pub response_timeout_seconds: Seconds,
    /// What becomes of limited requests while it does not answer.
    pub on_outage: OnOutage,
    /// Gateways that share it, for `on_outage = "local"`.
    pub replicas: Count,
}

/// What becomes of limited requests while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOutage {
    /// They are refused (503).
    Refuse,
    /// They pass.
    Admit,
    /// Each gateway counts by itself and admits its share.
    Local,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "integridai".to_owned(),
            connection_timeout_seconds: Seconds::new(1),
            response_timeout_seconds: Seconds::from_millis(100),
            on_outage: OnOutage::Local,
            replicas: Count::new(1),
        }
    }
}

impl RedisConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let most = Seconds::new(10);
        if self.connection_timeout_seconds > most || self.response_timeout_seconds > most {
            return Err(ConfigError::Contradiction {
                keys: "redis.connection_timeout_seconds, redis.response_timeout_seconds".into(),
                reason: "at most 10: requests wait for it",
            });
        }
        if self.replicas > Count::new(10_000) {
            return Err(ConfigError::Contradiction {
                keys: "redis.replicas".into(),
                reason: "at most 10000",
            });
        }
        Ok(())
    }
}

/// The URL of a Redis; what it says of users and passwords is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The URL, with the password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn hidden(&self) -> String {
        match (self.0.split_once("://"), self.0.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://(hidden)@{host}"),
            _ => self.0.clone(),
        }
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hidden())
    }
}

impl<'de> Deserialize<'de> for RedisUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the format itself would show what it found.
        let url = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a string"))?;
        if !url.starts_with("redis://") {
            let reason = "expected redis://[user:password@]host[:port][/database]; rediss:// needs a Redis client \
                          with TLS, which no feature of this build has: put a TLS tunnel in between";
            return Err(D::Error::custom(reason));
        }
        let built = RedisLimiterOptions::new().build(&url, "check", [Quota::per_minute(1)]);
        built.map(|_| Self(url)).map_err(D::Error::custom)
    }
}

impl Serialize for RedisUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hidden())
    }
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'{' && byte != b'}';
    if (1..=128).contains(&prefix.len()) && prefix.bytes().all(fits) {
        return Ok(prefix);
    }
    Err(D::Error::custom("expected 1 to 128 characters of visible ASCII, without braces"))
}
