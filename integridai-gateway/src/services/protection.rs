//! What stands by the services, for operators to see and to command.

use std::borrow::Cow;

use integridai_tower::circuit_breaker::{State, Transition};
use integridai_tower::client::balance::{AddressSnapshot, AddressState};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{ServiceStanding, SystemHealth};
use crate::stack::{Clients, Guard};
use crate::timestamp;

/// What stands by all services. A clone is the same.
#[derive(Debug, Clone)]
pub struct Protection(Vec<Guard>);

/// What stands by one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProtectionStatus {
    #[schema(value_type = String, example = "regtech")]
    service: Cow<'static, str>,
    /// `closed`: calls go through; `open`: none does; `half_open`: some do, to see whether it is back; or as it was commanded.
    state: &'static str,
    /// Failures in a row.
    consecutive_failures: u32,
    /// Calls that were not made.
    refused: u64,
    concurrency: Concurrency,
    /// The addresses, where several are configured.
    replicas: Vec<Replica>,
    /// The last changes of the state, oldest first.
    history: Vec<Change>,
}

/// How many calls at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct Concurrency {
    limit: u32,
    in_flight: u32,
    queued: usize,
}

/// How an address stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Replica {
    address: String,
    /// `available`, `ejected` since it failed more than others, or `unhealthy` by its checks.
    state: &'static str,
    in_flight: usize,
    calls: u64,
    failures: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CircuitChange)]
struct Change {
    at: String,
    from: &'static str,
    to: &'static str,
    cause: &'static str,
}

/// What a circuit can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Let nothing through until told otherwise.
    Open,
    /// Let everything through until told otherwise.
    Close,
    /// Forget what was counted, and decide by yourself.
    Reset,
}

impl Protection {
    /// Of these clients.
    #[must_use]
    pub fn of(clients: &Clients) -> Self {
        Self(clients.guards().cloned().collect())
    }

    /// All of them.
    #[must_use]
    pub fn statuses(&self) -> Vec<ProtectionStatus> {
        self.0.iter().map(status).collect()
    }

    /// How each service stands, for callers; `health` is what the last round of figures found.
    #[must_use]
    pub fn standings(&self, health: Option<SystemHealth>) -> Vec<ServiceStanding> {
        self.0.iter().map(|guard| ServiceStanding::of(guard, health)).collect()
    }

    /// Those of the three services that are not called for now.
    #[must_use]
    pub fn left_alone(&self) -> Vec<&str> {
        let is_open = |guard: &&Guard| matches!(guard.circuit.state(), State::Open | State::ForcedOpen);
        self.0.iter().take(3).filter(is_open).map(|guard| &*guard.service).collect()
    }

    /// Tells Prometheus of all of them.
    pub fn tell(&self) {
        self.0.iter().for_each(tell);
    }

    /// Commands the circuit of a service; `None` where there is none of this name.
    #[must_use]
    pub fn command(&self, service: &str, command: Command) -> Option<ProtectionStatus> {
        let guard = self.0.iter().find(|guard| guard.service == service)?;
        match command {
            Command::Open => guard.circuit.force_open(),
            Command::Close => guard.circuit.force_closed(),
            Command::Reset => guard.circuit.reset(),
        }
        Some(status(guard))
    }
}

/// Names of services, and states, are what the configuration has: both are bounded.
#[allow(clippy::cast_precision_loss, reason = "counts")]
fn tell(guard: &Guard) {
    let (circuit, limit) = (guard.circuit.snapshot(), guard.limit.snapshot());
    let service = || guard.service.to_string();
    metrics::counter!("integridai_circuit_refused_total", "service" => service()).absolute(circuit.refused);
    metrics::counter!("integridai_service_shed_total", "service" => service()).absolute(limit.shed);
    metrics::gauge!("integridai_service_calls_limit", "service" => service()).set(f64::from(limit.limit));
    metrics::gauge!("integridai_service_calls_active", "service" => service())
        .set(f64::from(limit.in_flight));
    metrics::gauge!("integridai_service_calls_queued", "service" => service()).set(limit.queued as f64);
    let replicas: Vec<Replica> = guard.replicas.snapshot().iter().map(replica).collect();
    for state in STATES.into_iter().filter(|_| !replicas.is_empty()) {
        let count = replicas.iter().filter(|replica| replica.state == state).count();
        metrics::gauge!("integridai_service_addresses", "service" => service(), "state" => state)
            .set(count as f64);
    }
}

/// Of an address.
const STATES: [&str; 3] = ["available", "ejected", "unhealthy"];

fn status(guard: &Guard) -> ProtectionStatus {
    let (circuit, limit) = (guard.circuit.snapshot(), guard.limit.snapshot());
    ProtectionStatus {
        service: guard.service.clone(),
        state: circuit.state.as_str(),
        consecutive_failures: circuit.consecutive_failures,
        refused: circuit.refused,
        concurrency: Concurrency { limit: limit.limit, in_flight: limit.in_flight, queued: limit.queued },
        replicas: guard.replicas.snapshot().iter().map(replica).collect(),
        history: circuit.history.iter().map(change).collect(),
    }
}

pub(super) fn replica<A: ToString>(address: &AddressSnapshot<A>) -> Replica {
    Replica {
        address: address.address.to_string(),
        state: match address.state {
            AddressState::Available => STATES[0],
            AddressState::Ejected { .. } => STATES[1],
            _ => STATES[2],
        },
        in_flight: address.pending,
        calls: address.calls,
        failures: address.failures,
    }
}

fn change(transition: &Transition) -> Change {
    Change {
        at: timestamp::format(OffsetDateTime::UNIX_EPOCH + transition.at),
        from: transition.from.as_str(),
        to: transition.to.as_str(),
        cause: transition.cause.as_str(),
    }
}
