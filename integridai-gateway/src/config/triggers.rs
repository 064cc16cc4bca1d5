//! `[triggers]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Count;

/// Events that start workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TriggersConfig {
    /// How many executions one correlation id may have, those that were asked for among them, before its events start no more.
    pub max_per_correlation: Count,
    /// The workflow that an event of a type starts, by the type.
    pub workflows: BTreeMap<String, String>,
}

impl Default for TriggersConfig {
    fn default() -> Self {
        Self { max_per_correlation: Count::new(16), workflows: BTreeMap::new() }
    }
}
