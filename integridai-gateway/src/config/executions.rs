//! `[executions]`

use serde::{Deserialize, Serialize};

use super::Count;

/// Asynchronous executions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionsConfig {
    /// How many run at once.
    pub workers: Count,
    /// How many may wait; one more is answered 503.
    pub max_queued: Count,
}

impl Default for ExecutionsConfig {
    fn default() -> Self {
        Self { workers: Count::new(16), max_queued: Count::new(10_000) }
    }
}
