//! How calls to the services went, in figures.

use std::time::Duration;

use integridai_tower::client::{ClientError, ErrorKind};
use metrics::Histogram;

use crate::telemetry::Series;

/// Measures calls. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    times: Series<(&'static str, &'static str), Histogram>,
}

impl Calls {
    /// Measures a call, named `service.endpoint`, that took this long.
    pub fn measure<T>(&self, call: &'static str, took: Duration, outcome: &Result<T, ClientError>) {
        let outcome = outcome.as_ref().map_or_else(|error| label(error.kind()), |_| "ok");
        let time = self.times.of((call, outcome), |(call, outcome)| {
            metrics::histogram!("http_client_request_duration_seconds", "call" => call, "outcome" => outcome)
        });
        time.record(took.as_secs_f64());
    }
}

/// A closed set, so that the labels are bounded.
fn label(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Connect | ErrorKind::NotReady => "unreachable",
        ErrorKind::Broken => "broken",
        ErrorKind::TimedOut { .. } => "timed_out",
        ErrorKind::TooLarge { .. } => "too_large",
        ErrorKind::Status { .. } => "error_status",
        ErrorKind::Refused(_) => "refused",
        ErrorKind::Malformed => "malformed",
        _ => "other",
    }
}
