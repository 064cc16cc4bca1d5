//! How the services stand, as far as callers may know: no address is among it.

use std::borrow::Cow;

use integridai_tower::client::balance::AddressState;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{ServiceStatus, SystemHealth};
use crate::stack::Guard;
use crate::timestamp;

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceStanding {
    /// The service.
    #[schema(value_type = String, example = "regtech")]
    service: Cow<'static, str>,
    /// How it was when figures were last gathered; `null` of one that tells none, or before the first time.
    status: Option<ServiceStatus>,
    /// Whether it is called.
    circuit: CircuitStanding,
    /// The calls to it.
    calls: CallsStanding,
    /// Its addresses, where several are configured.
    replicas: Option<ReplicasStanding>,
}

/// How a circuit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct CircuitStanding {
    /// `closed`: calls go through; `open`: none does; `half_open`: some do, to see whether the service is back; `forced_open`,
    /// `forced_closed`: as it was commanded.
    #[schema(example = "closed")]
    state: &'static str,
    /// When it came to that; `null`: it has been so since the start.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    since: Option<String>,
    /// Failures in a row.
    #[schema(example = 0)]
    consecutive_failures: u32,
    /// Calls that were not made because of it, since the start.
    #[schema(example = 0)]
    refused: u64,
}

/// How many calls are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
struct CallsStanding {
    /// Those that are.
    #[schema(example = 2)]
    in_flight: u32,
    /// The most at once.
    #[schema(example = 100)]
    limit: u32,
    /// Those that wait for their turn.
    #[schema(example = 0)]
    queued: usize,
}

/// How many addresses get calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
struct ReplicasStanding {
    /// Those that do.
    #[schema(example = 2)]
    available: usize,
    /// All of them.
    #[schema(example = 3)]
    total: usize,
}

impl ServiceStanding {
    /// `health` is what the last round of figures found.
    pub(super) fn of(guard: &Guard, health: Option<SystemHealth>) -> Self {
        let found = health.into_iter().flat_map(SystemHealth::by_service);
        let status = found.into_iter().find(|(service, _)| *service == guard.service);
        let (circuit, limit) = (guard.circuit.snapshot(), guard.limit.snapshot());
        let since = circuit.history.last().map(|last| OffsetDateTime::UNIX_EPOCH + last.at);
        Self {
            service: guard.service.clone(),
            status: status.map(|(_, status)| status),
            circuit: CircuitStanding {
                state: circuit.state.as_str(),
                since: since.map(timestamp::format),
                consecutive_failures: circuit.consecutive_failures,
                refused: circuit.refused,
            },
            calls: CallsStanding { in_flight: limit.in_flight, limit: limit.limit, queued: limit.queued },
            replicas: ReplicasStanding::of(guard),
        }
    }
}

impl ReplicasStanding {
    fn of(guard: &Guard) -> Option<Self> {
        let addresses = guard.replicas.snapshot();
        let is_available = |state: &AddressState| matches!(state, AddressState::Available);
        let available = addresses.iter().filter(|address| is_available(&address.state)).count();
        (!addresses.is_empty()).then_some(Self { available, total: addresses.len() })
    }
}
