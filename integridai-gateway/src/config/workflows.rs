//! `[workflows]`

use serde::{Deserialize, Serialize};

use super::Seconds;

/// The workflows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkflowsConfig {
    /// The deadline of an execution whose request names none.
    pub default_timeout_seconds: Seconds,
    /// The greatest `options.timeout` that a request may name.
    pub max_timeout_seconds: Seconds,
    /// Whether a CUIT with a wrong check digit (mod 11) is refused. The format is always checked.
    pub verify_cuit_check_digit: bool,
}

impl Default for WorkflowsConfig {
    fn default() -> Self {
        Self {
            default_timeout_seconds: Seconds::new(60),
            max_timeout_seconds: Seconds::new(120),
            verify_cuit_check_digit: false,
        }
    }
}
