//! `[workflows]`

use serde::{Deserialize, Serialize};

use super::{ConfigError, Seconds};

/// The workflows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkflowsConfig {
    /// The deadline of an execution whose request names none.
    pub default_timeout_seconds: Seconds,
    /// The greatest `options.timeout` that a request may name.
    pub max_timeout_seconds: Seconds,
    /// How long an asynchronous execution may take when its request names no `options.timeout`: in the queue, between
    /// tries, and running.
    pub async_default_timeout_seconds: Seconds,
    /// The greatest `options.timeout` that an asynchronous request may name.
    pub async_max_timeout_seconds: Seconds,
    /// How far ahead `options.delay` and `options.run_at` may lie.
    pub max_delay_seconds: Seconds,
    /// Whether a CUIT with a wrong check digit (mod 11) is refused. The format is always checked.
    pub verify_cuit_check_digit: bool,
}

impl Default for WorkflowsConfig {
    fn default() -> Self {
        Self {
            default_timeout_seconds: Seconds::new(60),
            max_timeout_seconds: Seconds::new(120),
            async_default_timeout_seconds: Seconds::new(3_600),
            async_max_timeout_seconds: Seconds::new(86_400),
            max_delay_seconds: Seconds::new(30 * 86_400),
            verify_cuit_check_digit: false,
        }
    }
}

impl WorkflowsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let reason = "the default timeout is greater than the greatest allowed";
        for (default, max, keys) in [
            (
                self.default_timeout_seconds,
                self.max_timeout_seconds,
                "workflows.default_timeout_seconds, workflows.max_timeout_seconds",
            ),
            (
                self.async_default_timeout_seconds,
                self.async_max_timeout_seconds,
                "workflows.async_default_timeout_seconds, workflows.async_max_timeout_seconds",
            ),
        ] {
            if default > max {
                return Err(ConfigError::Contradiction { keys: keys.into(), reason });
            }
        }
        Ok(())
    }
}
