//! How a simulated service misbehaves on request.
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};

/// A way to fail, and the requests it is for. Made by one of the constructors, narrowed by the setters:
///
/// ```
/// use integridai_gateway::demo::Failure;
///
/// // The first two analyses are refused, and say when to come back.
/// let failure = Failure::error(http::StatusCode::SERVICE_UNAVAILABLE)
///     .on("/analyze_provider")
///     .times(2)
///     .retry_after(1);
/// # drop(failure);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    pub(super) mode: Mode,
    #[serde(serialize_with = "as_number")]
    pub(super) status: StatusCode,
    #[serde(rename = "latency_ms", serialize_with = "as_milliseconds")]
    pub(super) latency: Duration,
    pub(super) paths: Vec<String>,
    pub(super) times: Option<u64>,
    pub(super) probability: f64,
    pub(super) retry_after: Option<u64>,
    pub(super) apply: bool,
    #[serde(rename = "interval_ms", serialize_with = "as_milliseconds")]
    pub(super) interval: Duration,
}

/// What happens to a request that was chosen to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Ok,
    Error,
    Hang,
    Malformed,
    Huge,
    Truncate,
    Reset,
    SlowBody,
}

impl Mode {
    /// Modes that send or spoil the true answer have to make it first; the others need not.
    pub(super) fn applies(self) -> bool {
        matches!(self, Self::Ok | Self::Malformed | Self::Truncate | Self::SlowBody)
    }
}

impl Failure {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            status: StatusCode::INTERNAL_SERVER_ERROR,
            latency: Duration::ZERO,
            paths: Vec::new(),
            times: None,
            probability: 1.0,
            retry_after: None,
            apply: mode.applies(),
            interval: Duration::from_millis(100),
        }
    }

    /// Answers correctly, but this much later.
    #[must_use]
    pub fn slow(latency: Duration) -> Self {
        Self::new(Mode::Ok).latency(latency)
    }

    /// Answers with this status and an error body.
    #[must_use]
    pub fn error(status: StatusCode) -> Self {
        Self { status, ..Self::new(Mode::Error) }
    }

    /// Never answers; the request counts as cancelled when the client leaves.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Mode::Hang)
    }

    /// Answers 200 with the first half of the true JSON as if it were all.
    #[must_use]
    pub fn malformed() -> Self {
        Self::new(Mode::Malformed)
    }

    /// Answers 200 with 20 MiB of well-formed JSON, chunked.
    #[must_use]
    pub fn huge() -> Self {
        Self::new(Mode::Huge)
    }

    /// Declares the full `Content-Length`, sends half of it and closes the connection.
    #[must_use]
    pub fn truncate() -> Self {
        Self::new(Mode::Truncate)
    }

    /// Resets the connection (TCP RST) instead of answering.
    #[must_use]
    pub fn reset() -> Self {
        Self::new(Mode::Reset)
    }

    /// Sends the head at once and then one byte of the true body per interval (at least a millisecond).
    #[must_use]
    pub fn slow_body(interval: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        Self { interval, ..Self::new(Mode::SlowBody) }
    }

    /// Fails on this path alone, or on these when called again. A route's template
    /// (`/api/v1/training/sessions/{id}`) means all its paths, a trailing `*` all that begin so.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Fails this many requests; then the service is well again.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Fails this share of the requests (0 to 1), drawn from the service's seed.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Sends `Retry-After` with this many seconds along with an error.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Holds every failing answer back by this much.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// The request takes effect before it fails: the lost answer, for which idempotency keys exist. Modes that
    /// spoil the true answer (malformed, truncate, slow body) do so anyway, the others only with this.
    #[must_use]
    pub fn after_applying(self) -> Self {
        Self { apply: true, ..self }
    }

    pub(super) fn concerns(&self, path: &str, template: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|wanted| names(wanted, path, template))
    }
}

fn names(wanted: &str, path: &str, template: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => wanted == path || wanted == template,
    }
}

fn as_number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_millis().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn a_failure_concerns_its_paths_its_templates_and_its_prefixes_alone() {
        let template = "/sessions/{id}";
        assert!(Failure::hang().concerns("/sessions/7", template));
        assert!(Failure::hang().on("/sessions/7").concerns("/sessions/7", template));
        assert!(Failure::hang().on(template).concerns("/sessions/7", template));
        assert!(Failure::hang().on("/health").on("/sess*").concerns("/sessions/7", template));
        assert!(!Failure::hang().on("/sessions").concerns("/sessions/7", template));
        assert!(!Failure::hang().on("/health").concerns("/sessions/7", template));
    }
}
