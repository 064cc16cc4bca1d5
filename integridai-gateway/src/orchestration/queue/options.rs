//! The bounds of the queue.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::ExecutionsConfig;
use crate::orchestration::Backoff;
use crate::store::Admission;

/// The bounds of the queue.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// How much may wait.
    pub admission: Admission,
    /// How long a claim holds without a heartbeat.
    pub lease: Duration,
    /// How often a step is tried.
    pub backoff: Backoff,
    /// How many executions of one principal may run at once.
    pub max_running_per_principal: u64,
    /// How many executions of a workflow may run at once.
    pub max_running: BTreeMap<String, u64>,
}

impl From<&ExecutionsConfig> for QueueOptions {
    fn from(config: &ExecutionsConfig) -> Self {
        Self {
            admission: Admission {
                max_queued: config.max_queued.get() as u64,
                max_queued_per_principal: config.max_queued_per_principal.get() as u64,
                max_keys_per_principal: config.max_keys_per_principal.get() as u64,
            },
            lease: config.lease_seconds.get(),
            backoff: Backoff {
                max_tries: u32::try_from(config.max_tries.get()).unwrap_or(u32::MAX),
                base: config.backoff_seconds.get(),
                max: config.max_backoff_seconds.get(),
            },
            max_running_per_principal: config.max_running_per_principal.get() as u64,
            max_running: config
                .max_running
                .iter()
                .map(|(workflow, count)| (workflow.clone(), count.get() as u64))
                .collect(),
        }
    }
}
