//! Where the services are, for operators to see.

use serde::Serialize;
use utoipa::ToSchema;

use super::protection::{Replica, replica};
use crate::stack::{Clients, Way};

/// One service, or the own way of a route to one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UpstreamStatus {
    /// The service, or the route that is guarded by itself.
    #[schema(example = "regtech")]
    service: String,
    /// Where it is, unless there are addresses.
    #[schema(example = "http://regtech:3000")]
    base_url: String,
    /// How long an answer may take.
    #[schema(example = 60.0)]
    timeout_seconds: f64,
    /// How its circuit is; see `/admin/v1/circuits`.
    #[schema(example = "closed")]
    circuit: &'static str,
    /// Calls under way.
    in_flight: u32,
    /// The addresses and how each is, where several are configured.
    addresses: Vec<Replica>,
}

/// Each service, and each route that is guarded by itself.
#[must_use]
pub fn upstream_statuses(clients: &Clients) -> Vec<UpstreamStatus> {
    clients.ways().map(status).collect()
}

pub(super) fn status(way: &Way) -> UpstreamStatus {
    UpstreamStatus {
        service: way.guard.service.to_string(),
        base_url: way.base_url.as_str().to_owned(),
        timeout_seconds: way.timeout.as_secs_f64(),
        circuit: way.guard.circuit.state().as_str(),
        in_flight: way.guard.limit.snapshot().in_flight,
        addresses: way.guard.replicas.snapshot().iter().map(replica).collect(),
    }
}
