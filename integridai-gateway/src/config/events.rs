//! `[events]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Who may publish events, beyond the scope that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsConfig {
    /// Who alone may publish under a source, by the source; one that ends with `*` stands for all that begin so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Vec<PublisherConfig>>,
    /// Who may publish under a source that has no such entry.
    pub other_sources: OtherSources,
    /// Whose users the events of API keys are of; empty: of the API keys themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_issuer: Option<String>,
}

/// A principal, as tokens and API keys name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherConfig {
    /// The token's `sub`, or that of the API key.
    pub subject: String,
    /// The token's `iss`; none: an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// Who may publish under a source that is nobody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherSources {
    /// Everybody with the scope, each for itself: an event is the same as another only where its publisher is.
    #[default]
    Anybody,
    /// Nobody.
    Nobody,
}

impl EventsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |keys: String, reason| Err(ConfigError::Contradiction { keys: keys.into(), reason });
        for (source, publishers) in &self.sources {
            let keys = format!("events.sources.{source:?}");
            if source.is_empty() || source == "gateway" {
                return wrong(keys, "a source has a name, and `gateway` is the gateway's own");
            }
            if publishers.is_empty() || publishers.iter().any(|publisher| publisher.subject.is_empty()) {
                return wrong(keys, "it needs at least one publisher, and each its subject");
            }
        }
        Ok(())
    }
}
