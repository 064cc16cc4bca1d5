//! `[executions]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Count, Seconds};

/// Asynchronous executions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionsConfig {
    /// How many run at once.
    pub workers: Count,
    /// How many may wait; one more is answered 503.
    pub max_queued: Count,
    /// How many of one caller may wait; one more is answered 429.
    pub max_queued_per_principal: Count,
    /// How many of one caller may run at once.
    pub max_running_per_principal: Count,
    /// How long an execution stays with a worker that is not heard of.
    pub lease_seconds: Seconds,
    /// How often a step is tried that fails for a reason that may pass, the first time among them.
    pub max_tries: Count,
    /// How long to wait before the second try; twice as long before each further one.
    pub backoff_seconds: Seconds,
    /// The longest wait between two tries.
    pub max_backoff_seconds: Seconds,
    /// How long an `Idempotency-Key` is remembered.
    pub key_seconds: Seconds,
    /// How many such keys of one caller are remembered; one more is answered 429.
    pub max_keys_per_principal: Count,
    /// How many executions of a workflow may run at once, by the workflow's name.
    pub max_running: BTreeMap<String, Count>,
}

impl Default for ExecutionsConfig {
    fn default() -> Self {
        Self {
            workers: Count::new(16),
            max_queued: Count::new(10_000),
            max_queued_per_principal: Count::new(5_000),
            max_running_per_principal: Count::new(1_000),
            lease_seconds: Seconds::new(30),
            max_tries: Count::new(10),
            backoff_seconds: Seconds::new(1),
            max_backoff_seconds: Seconds::new(60),
            key_seconds: Seconds::new(86_400),
            max_keys_per_principal: Count::new(1_000_000),
            max_running: BTreeMap::new(),
        }
    }
}

impl ExecutionsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.backoff_seconds > self.max_backoff_seconds {
            return Err(ConfigError::Contradiction {
                keys: "executions.backoff_seconds, executions.max_backoff_seconds".into(),
                reason: "the first wait between two tries is longer than the longest",
            });
        }
        Ok(())
    }
}
