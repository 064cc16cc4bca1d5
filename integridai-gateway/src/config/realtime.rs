//! `[realtime]`

use serde::{Deserialize, Serialize};

use super::{Count, Seconds};

/// Real-time events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RealtimeConfig {
    /// How often `metrics_update` is sent.
    pub metrics_interval_seconds: Seconds,
    /// Subscribers at once; one more is answered 503.
    pub max_subscribers: Count,
    /// Of those, the most of one principal; one more is answered 429. Not counted with `auth.disabled`.
    pub max_connections_per_principal: Count,
    /// Messages that the connections of one principal may send within a minute; one that sends more is closed (1008).
    pub max_messages_per_minute: Count,
    /// Events that may wait for a subscriber; one that is further behind misses the oldest and is told how many.
    pub max_pending_events: Count,
    /// Events that may be published in one request.
    pub max_published_events: Count,
    /// How often a subscriber is pinged.
    pub ping_interval_seconds: Seconds,
    /// A subscriber that takes nothing, or is silent, for this long is disconnected.
    pub idle_timeout_seconds: Seconds,
}

impl Default for RealtimeConfig {
    fn default() -> Self {
        Self {
            metrics_interval_seconds: Seconds::new(30),
            max_subscribers: Count::new(10_000),
            max_connections_per_principal: Count::new(100),
            max_messages_per_minute: Count::new(600),
            max_pending_events: Count::new(256),
            max_published_events: Count::new(100),
            ping_interval_seconds: Seconds::new(30),
            idle_timeout_seconds: Seconds::new(90),
        }
    }
}
