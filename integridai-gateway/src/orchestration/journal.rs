//! The steps of an execution: timed, and for queued executions kept so that a restart does not repeat them.

use std::borrow::Cow;
use std::time::Duration;

use integridai_tower::client::ClientError;
use integridai_tower::client::integridai::RawJson;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::Instant;
use tower::BoxError;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::services::Calls;
use crate::store::{JsonText, Store};
use crate::timestamp;

/// One step, as it went.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// What was done.
    #[schema(value_type = String, example = "regtech.analyze_provider")]
    pub name: Cow<'static, str>,
    /// Whether it succeeded.
    pub status: StepStatus,
    /// When it began.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    pub started_at: String,
    /// How long it took, in milliseconds.
    #[schema(example = 731.2)]
    pub duration_ms: f64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it gave; kept for a restart, not shown. Never `null`, which would be read back as nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    output: Option<RawJson>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
}

impl Step {
    /// The step without what it gave.
    #[must_use]
    pub fn shown(&self) -> Self {
        Self { output: None, ..self.clone() }
    }
}

/// What a step that is done gave, and when.
#[derive(Debug, Clone)]
pub struct Done {
    /// What it gave.
    pub output: RawJson,
    /// When it ended.
    pub finished_at: String,
}

/// The steps of one execution so far.
#[derive(Debug, Default)]
pub struct Journal {
    steps: Vec<Step>,
    kept: Option<(Store, Uuid)>,
}

impl Journal {
    /// Steps that are kept in the store under the execution's id, with those of an earlier run.
    #[must_use]
    pub fn kept(store: Store, id: Uuid, earlier: &JsonText) -> Self {
        let mut steps: Vec<Step> = earlier.decode().unwrap_or_default();
        // A failed step is tried again.
        steps.retain(|step| step.status == StepStatus::Succeeded);
        Self { steps, kept: Some((store, id)) }
    }

    /// Does a step, unless an earlier run has; `calls` measures it.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub async fn step(
        &mut self,
        calls: &Calls,
        name: &'static str,
        work: impl Future<Output = Result<RawJson, ClientError>>,
    ) -> Result<Done, ClientError> {
        if let Some(done) = self.earlier(name) {
            return Ok(done);
        }
        let (begin, started) = (Instant::now(), OffsetDateTime::now_utc());
        let outcome = work.await;
        let took = begin.elapsed();
        calls.measure(name, took, &outcome);
        let duration_ms = milliseconds(took);
        let mut step = Step {
            name: name.into(),
            status: StepStatus::Succeeded,
            started_at: timestamp::format(started),
            duration_ms,
            error: None,
            output: None,
        };
        let outcome = match outcome {
            Ok(output) => {
                // Only a kept journal is read again.
                step.output = self.kept.is_some().then(|| output.clone());
                Ok(Done { output, finished_at: end(started, duration_ms) })
            }
            Err(error) => {
                tracing::warn!(step = name, error = &error as &dyn std::error::Error, "step failed");
                step.status = StepStatus::Failed;
                step.error = Some(super::failure::message(&error));
                Err(error)
            }
        };
        self.steps.push(step);
        self.save().await;
        outcome
    }

    /// The steps as a client may see them.
    #[must_use]
    pub fn to_json(&self) -> JsonText {
        let written = match &self.kept {
            // Without outputs there is nothing to hide.
            None => JsonText::from_serialize(&self.steps),
            Some(_) => JsonText::from_serialize(&self.steps.iter().map(Step::shown).collect::<Vec<_>>()),
        };
        written.unwrap_or_else(|_| JsonText::empty_list())
    }

    fn earlier(&self, name: &str) -> Option<Done> {
        let step = self.steps.iter().find(|step| step.name == name)?;
        Some(Done { output: step.output.clone()?, finished_at: finished_at(step) })
    }

    /// A step that could not be kept is repeated after a crash; its idempotency key makes that harmless.
    async fn save(&self) {
        let Some((store, id)) = &self.kept else { return };
        let saved: Result<bool, BoxError> = match JsonText::from_serialize(&self.steps) {
            Ok(steps) => store.save_steps(*id, steps).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = saved {
            let error = error.as_ref() as &dyn std::error::Error;
            tracing::warn!(execution = %id, error, "a step could not be kept");
        }
    }
}

/// The end as its successor is told it: the same after a restart, so that a repeated call carries the same bytes.
fn finished_at(step: &Step) -> String {
    use time::format_description::well_known::Rfc3339;

    let begin = OffsetDateTime::parse(&step.started_at, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    end(begin, step.duration_ms)
}

/// From the millisecond in which it began: a step that was kept knows no more.
fn end(begin: OffsetDateTime, duration_ms: f64) -> String {
    let begin = begin.truncate_to_millisecond();
    timestamp::format(begin + time::Duration::seconds_f64(duration_ms / 1_000.0))
}

/// Milliseconds to three digits behind the point.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_step_is_the_same_when_it_is_read_again() {
        let mut journal = Journal::default();
        let done = journal.step(&Calls::default(), "one", async { Ok(RawJson::from(true)) }).await.unwrap();
        assert_eq!(done.finished_at, finished_at(&journal.steps[0]));
        let begin = time::macros::datetime!(2026-11-24 10:00:00.999_9 UTC);
        assert_eq!(end(begin, 0.3), "2026-11-24T10:00:00.999Z", "the step began in this millisecond");
        assert_eq!(end(begin, 1.5), "2026-11-24T10:00:01.000Z");
    }
}
