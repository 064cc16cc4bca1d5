//! What a simulated service has seen so far.
use std::collections::BTreeMap;

use serde::Serialize;

use super::failure::Failure;
use super::options::Shapes;

/// The state of one service: the answer to `GET /_control`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ControlReport {
    /// Which service this is.
    pub service: &'static str,
    /// The failure in force, with the `times` that are left.
    pub failure: Option<Failure>,
    /// The shapes it answers in.
    pub shapes: Shapes,
    /// Finished requests by route template and outcome: a status code, or `cancelled` (the client left before
    /// the whole answer was sent), `reset` or `stopped` (the service ended the connection).
    pub requests: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Requests that are being answered now.
    pub in_flight: u64,
    /// Requests whose client left before the answer was complete.
    pub cancelled: u64,
    /// Requests that changed something.
    pub applied: u64,
    /// Requests answered from the memory of their idempotency key, without changing anything.
    pub replayed: u64,
    /// Different idempotency keys; one that comes back after being forgotten counts again.
    pub distinct_keys: u64,
    /// Requests whose idempotency key had been seen before.
    pub duplicate_keys: u64,
}

impl ControlReport {
    /// How many requests to this route ended so: `count("/health", "200")`.
    #[must_use]
    pub fn count(&self, template: &str, outcome: &str) -> u64 {
        self.requests.get(template).and_then(|outcomes| outcomes.get(outcome)).copied().unwrap_or(0)
    }

    /// How many requests to this route are finished, however they ended.
    #[must_use]
    pub fn total(&self, template: &str) -> u64 {
        self.requests.get(template).map_or(0, |outcomes| outcomes.values().sum())
    }
}

/// One request as it came in: an entry of `GET /_control/requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Counts all requests of the service from 1.
    pub sequence: u64,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The header `x-correlation-id`, where it is text.
    pub correlation_id: Option<String>,
    /// The header `idempotency-key`, where it is text.
    pub idempotency_key: Option<String>,
}

/// What happened under one idempotency key: an entry of `GET /_control/keys`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyUse {
    /// Requests that carried the key.
    pub requests: u64,
    /// How many of them changed something.
    pub applied: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Status(u16),
    Cancelled,
    Reset,
    Stopped,
}

impl Outcome {
    pub(super) fn name(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Stopped => "stopped".to_owned(),
        }
    }
}
