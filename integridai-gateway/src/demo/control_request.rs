//! The body of `POST /_control`: strict, so that a typing error cannot pass for a healthy service.
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use super::failure::{Failure, Mode};
use super::options::{AnalysisShape, ErrorShape, MetricsShape, Shapes};

const MOST_PATHS: usize = 32;
const LONGEST_LATENCY_MS: u64 = 600_000;
const LONGEST_INTERVAL_MS: u64 = 60_000;
const LONGEST_RETRY_AFTER: u64 = 86_400;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ControlRequest {
    mode: Option<Mode>,
    status: Option<u16>,
    latency_ms: Option<u64>,
    paths: Option<Vec<String>>,
    times: Option<u64>,
    probability: Option<f64>,
    retry_after: Option<u64>,
    apply: Option<bool>,
    interval_ms: Option<u64>,
    error_shape: Option<ErrorShape>,
    analysis_shape: Option<AnalysisShape>,
    metrics_shape: Option<MetricsShape>,
}

/// Why a control call was refused; the text goes to the caller.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{key} must be {expected}")]
    OutOfRange { key: &'static str, expected: &'static str },
    #[error("{key} means nothing {circumstance}")]
    OutOfPlace { key: &'static str, circumstance: &'static str },
}

impl ControlRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ControlError> {
        Ok(serde_json::from_slice(body)?)
    }

    pub(super) fn shapes(&self, current: Shapes) -> Shapes {
        Shapes {
            analysis: self.analysis_shape.unwrap_or(current.analysis),
            metrics: self.metrics_shape.unwrap_or(current.metrics),
            errors: self.error_shape.unwrap_or(current.errors),
        }
    }

    /// The failure from now on (`Some(None)` for a healthy service), or `None` to keep the present one.
    pub(super) fn failure(&self) -> Result<Option<Option<Failure>>, ControlError> {
        let Some(mode) = self.mode else {
            return self.refuse_orphans();
        };
        self.refuse_misfits(mode)?;
        self.check_ranges()?;
        if mode == Mode::Ok && self.latency_ms.unwrap_or(0) == 0 {
            return Ok(Some(None));
        }
        self.build(mode).map(|failure| Some(Some(failure)))
    }

    fn build(&self, mode: Mode) -> Result<Failure, ControlError> {
        let standard = Failure::new(mode);
        Ok(Failure {
            status: self.status.map_or(Ok(standard.status), error_status)?,
            latency: Duration::from_millis(self.latency_ms.unwrap_or(0)),
            paths: self.paths.clone().unwrap_or_default(),
            times: self.times,
            probability: self.probability.unwrap_or(1.0),
            retry_after: self.retry_after,
            apply: self.apply.unwrap_or(standard.apply),
            interval: self.interval_ms.map_or(standard.interval, Duration::from_millis),
            ..standard
        })
    }

    fn refuse_orphans(&self) -> Result<Option<Option<Failure>>, ControlError> {
        let keys = [
            ("status", self.status.is_some()),
            ("latency_ms", self.latency_ms.is_some()),
            ("paths", self.paths.is_some()),
            ("times", self.times.is_some()),
            ("probability", self.probability.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("apply", self.apply.is_some()),
            ("interval_ms", self.interval_ms.is_some()),
        ];
        match keys.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(ControlError::OutOfPlace { key, circumstance: "without mode" }),
            None => Ok(None),
        }
    }

    fn refuse_misfits(&self, mode: Mode) -> Result<(), ControlError> {
        let error = mode == Mode::Error;
        let keys = [
            ("status", self.status.is_some() && !error, "unless mode is error"),
            ("retry_after", self.retry_after.is_some() && !error, "unless mode is error"),
            ("interval_ms", self.interval_ms.is_some() && mode != Mode::SlowBody, "unless mode is slow_body"),
            ("apply", self.apply.is_some() && mode.applies(), "when the true answer is made anyway"),
        ];
        match keys.into_iter().find(|(_, misplaced, _)| *misplaced) {
            Some((key, _, circumstance)) => Err(ControlError::OutOfPlace { key, circumstance }),
            None => Ok(()),
        }
    }

    fn check_ranges(&self) -> Result<(), ControlError> {
        let paths = self.paths.as_deref();
        let checks = [
            (
                "latency_ms",
                "at most 600000",
                self.latency_ms.is_none_or(|latency| latency <= LONGEST_LATENCY_MS),
            ),
            ("paths", "1 to 32 paths that begin with /", paths.is_none_or(plausible_paths)),
            ("times", "at least 1", self.times.is_none_or(|times| times >= 1)),
            ("probability", "over 0 and at most 1", self.probability.is_none_or(|p| p > 0.0 && p <= 1.0)),
            (
                "retry_after",
                "at most 86400 (seconds)",
                self.retry_after.is_none_or(|seconds| seconds <= LONGEST_RETRY_AFTER),
            ),
            (
                "interval_ms",
                "1 to 60000",
                self.interval_ms.is_none_or(|interval| (1..=LONGEST_INTERVAL_MS).contains(&interval)),
            ),
        ];
        match checks.into_iter().find(|(_, _, right)| !right) {
            Some((key, expected, _)) => Err(ControlError::OutOfRange { key, expected }),
            None => Ok(()),
        }
    }
}

fn plausible_paths(paths: &[String]) -> bool {
    (1..=MOST_PATHS).contains(&paths.len()) && paths.iter().all(|path| path.starts_with('/'))
}

fn error_status(status: u16) -> Result<StatusCode, ControlError> {
    let out_of_range = ControlError::OutOfRange { key: "status", expected: "400 to 599" };
    match StatusCode::from_u16(status) {
        Ok(status) if status.is_client_error() || status.is_server_error() => Ok(status),
        _ => Err(out_of_range),
    }
}

#[cfg(test)]
mod tests {
    use super::{ControlRequest, Failure, Mode};

    fn failure(body: &str) -> Result<Option<Option<Failure>>, String> {
        let request = ControlRequest::parse(body.as_bytes()).map_err(|error| error.to_string())?;
        request.failure().map_err(|error| error.to_string())
    }

    #[test]
    fn every_wrong_key_or_value_is_named() {
        for (body, complaint) in [
            (r#"{"mode":"ok","latency":5}"#, "unknown field `latency`"),
            (r#"{"mode":"explode"}"#, "unknown variant `explode`"),
            (r#"{"status":503}"#, "status means nothing without mode"),
            (r#"{"mode":"hang","status":503}"#, "status means nothing unless mode is error"),
            (r#"{"mode":"truncate","apply":false}"#, "apply means nothing when the true answer"),
            (r#"{"mode":"error","status":200}"#, "status must be 400 to 599"),
            (r#"{"mode":"error","times":0}"#, "times must be at least 1"),
            (r#"{"mode":"error","probability":1.5}"#, "probability must be over 0"),
            (r#"{"mode":"error","paths":["health"]}"#, "paths must be 1 to 32 paths"),
            (r#"{"mode":"slow_body","interval_ms":0}"#, "interval_ms must be 1 to 60000"),
        ] {
            let error = failure(body).expect_err(body);
            assert!(error.starts_with(complaint), "{body}: {error}");
        }
    }

    #[test]
    fn ok_heals_unless_it_slows_down_and_no_mode_keeps_what_is() {
        assert_eq!(failure(r#"{"mode":"ok"}"#), Ok(Some(None)));
        assert_eq!(failure(r#"{"metrics_shape":"flat"}"#), Ok(None));
        let slow = failure(r#"{"mode":"ok","latency_ms":250}"#).expect("valid");
        assert!(slow.flatten().is_some_and(|slow| slow.mode == Mode::Ok && slow.latency.as_millis() == 250));
    }
}
