//! `[metrics]`

use serde::{Deserialize, Serialize};

use super::Seconds;

/// Consolidated metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// How long consolidated metrics are served before they are gathered anew.
    pub cache_seconds: Seconds,
    /// How long each service may take to answer when they are gathered.
    pub timeout_seconds: Seconds,
    /// A service that takes longer is `degraded`.
    pub slow_seconds: Seconds,
    /// A service that times out or breaks off is `degraded` while its last good answer is younger than this, and
    /// `offline` afterwards.
    pub offline_after_seconds: Seconds,
    /// The window over which the gateway's own traffic is measured.
    pub window_seconds: Seconds,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            cache_seconds: Seconds::new(30),
            timeout_seconds: Seconds::new(5),
            slow_seconds: Seconds::new(2),
            offline_after_seconds: Seconds::new(90),
            window_seconds: Seconds::new(60),
        }
    }
}
