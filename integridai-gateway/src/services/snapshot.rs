//! Consolidated metrics as they are published.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::known::StaleFigures;
use super::{BusinessMetrics, PerformanceMetrics, ServiceStatus};

/// The ecosystem in figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConsolidatedMetrics {
    /// When the figures were gathered.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    pub timestamp: String,
    /// How the services are.
    pub system_health: SystemHealth,
    /// What they do.
    pub business_metrics: BusinessMetrics,
    /// How the gateway serves its clients.
    pub performance_metrics: PerformanceMetrics,
    /// Services whose figures are not of now. Absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleFigures>,
}

/// How the services are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the published names")]
pub struct SystemHealth {
    /// Training.
    pub flaisimulator_status: ServiceStatus,
    /// Compliance.
    pub regtech_status: ServiceStatus,
    /// Figures.
    pub dashboard_status: ServiceStatus,
}

impl SystemHealth {
    /// Each service by name.
    #[must_use]
    pub fn by_service(self) -> [(&'static str, ServiceStatus); 3] {
        [
            ("flaisimulator", self.flaisimulator_status),
            ("regtech", self.regtech_status),
            ("dashboard", self.dashboard_status),
        ]
    }
}

/// Metrics as they were gathered, and their JSON text.
#[derive(Debug)]
pub struct Snapshot {
    /// Of the event that tells them.
    pub id: Uuid,
    /// The metrics.
    pub metrics: ConsolidatedMetrics,
    /// The same as JSON.
    pub body: Bytes,
    /// Why services are not online, such as "regtech cannot be connected to; dashboard answers slowly".
    pub reason: Option<String>,
    /// How long each service took to tell its figures, for `Server-Timing`.
    pub timing: Option<HeaderValue>,
    pub(super) gathered: Instant,
}

impl Snapshot {
    /// How old they are.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.gathered.elapsed()
    }
}
