//! The body of `POST /api/update_metrics`, with the analysis in any of its shapes.
use http::StatusCode;
use serde::Deserialize;

/// A valid update.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) kind: UpdateKind,
}

#[derive(Debug, PartialEq)]
pub(super) enum UpdateKind {
    Analysis(Scored),
    Training(Scored),
}

/// What the figures need; a missing score means an update that only counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scored {
    pub(super) score: Option<f64>,
    pub(super) completed: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum UpdateError {
    #[error("invalid JSON")]
    Syntax,
    #[error("wrong type: {0}")]
    Type(serde_json::Error),
    #[error("provider_analysis or training_update is required")]
    NothingToUpdate,
    #[error("timestamp is required")]
    NoTimestamp,
}

impl UpdateError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Syntax => StatusCode::BAD_REQUEST,
            Self::Type(_) | Self::NothingToUpdate | Self::NoTimestamp => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

#[derive(Deserialize)]
struct Received {
    provider_analysis: Option<Analysis>,
    training_update: Option<Training>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Analysis {
    compliance_analysis: Option<Compliance>,
    data: Option<Documented>,
    score: Option<f64>,
}

#[derive(Deserialize)]
struct Compliance {
    overall_score: Option<f64>,
}

#[derive(Deserialize)]
struct Documented {
    risk_score: Option<f64>,
}

#[derive(Deserialize)]
struct Training {
    score: Option<f64>,
    status: Option<String>,
    progress: Option<f64>,
}

impl Update {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UpdateError> {
        let received: Received = serde_json::from_slice(body)
            .map_err(|error| if error.is_data() { UpdateError::Type(error) } else { UpdateError::Syntax })?;
        let kind = match (received.provider_analysis, received.training_update) {
            (Some(analysis), _) => UpdateKind::Analysis(analysis.scored()),
            (None, Some(training)) => UpdateKind::Training(training.scored()),
            (None, None) => return Err(UpdateError::NothingToUpdate),
        };
        match received.timestamp {
            Some(timestamp) if !timestamp.trim().is_empty() => Ok(Self { kind }),
            _ => Err(UpdateError::NoTimestamp),
        }
    }
}

impl Analysis {
    fn scored(self) -> Scored {
        let running = self.compliance_analysis.and_then(|compliance| compliance.overall_score);
        let documented = self.data.and_then(|data| data.risk_score);
        Scored { score: percentage(running.or(documented).or(self.score)), completed: true }
    }
}

impl Training {
    fn scored(self) -> Scored {
        let done = self.progress.is_some_and(|progress| progress >= 100.0);
        let completed = done || self.status.as_deref() == Some("completed");
        Scored { score: percentage(self.score), completed }
    }
}

fn percentage(score: Option<f64>) -> Option<f64> {
    score.map(|score| score.clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use super::{Scored, Update, UpdateKind};

    #[test]
    fn every_shape_of_an_analysis_yields_its_score() {
        for analysis in [
            r#"{"compliance_analysis":{"overall_score":85.5,"risk_level":"bajo"}}"#,
            r#"{"success":true,"data":{"risk_score":85.5}}"#,
            r#"{"success":true,"score":85.5}"#,
        ] {
            let body = format!(r#"{{"provider_analysis":{analysis},"timestamp":"2026-01-01T00:00:00Z"}}"#);
            let update = Update::parse(body.as_bytes()).expect(analysis);
            let scored = Scored { score: Some(85.5), completed: true };
            assert_eq!(update.kind, UpdateKind::Analysis(scored), "{analysis}");
        }
    }
}
