//! The steps of an execution: timed, and for queued executions kept so that a restart does not repeat them.

use std::borrow::Cow;
use std::time::Duration;

use integridai_tower::client::ClientError;
use integridai_tower::client::integridai::RawJson;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::BoxError;
use utoipa::ToSchema;

use crate::services::Calls;
use crate::store::{JsonText, Lease, Store, StoreError};
use crate::telemetry::traces::{Span, SpanKind};
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
    /// Which try it was; absent for the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    #[schema(required = false, example = 2)]
    pub tries: u32,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it gave; kept for a restart, not shown. Never `null`, which would be read back as nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    output: Option<RawJson>,
}

fn first() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first(tries: &u32) -> bool {
    *tries <= 1
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

    /// Of steps that are kept, those that need not be done again.
    pub(super) fn only_done(steps: &JsonText) -> JsonText {
        let mut steps: Vec<Self> = steps.decode().unwrap_or_default();
        steps.retain(|step| step.status == StepStatus::Succeeded);
        JsonText::from_serialize(&steps).unwrap_or_else(|_| JsonText::empty_list())
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
    /// Failed in earlier runs: the step and how often it was tried.
    failed: Vec<(Cow<'static, str>, u32)>,
    kept: Option<Kept>,
}

/// Where steps are kept, and as long as the lease holds.
#[derive(Debug)]
struct Kept {
    store: Store,
    lease: Lease,
    lost: CancellationToken,
}

impl Journal {
    /// Steps that are kept in the store under the lease, with those of earlier runs. `lost` is cancelled when the
    /// store says that the lease is lost.
    #[must_use]
    pub fn kept(store: Store, lease: Lease, lost: CancellationToken, earlier: &JsonText) -> Self {
        let steps: Vec<Step> = earlier.decode().unwrap_or_default();
        // A failed step is tried again.
        let (steps, failed) =
            steps.into_iter().partition::<Vec<_>, _>(|step| step.status == StepStatus::Succeeded);
        let failed = failed.into_iter().map(|step| (step.name, step.tries)).collect();
        Self { steps, failed, kept: Some(Kept { store, lease, lost }) }
    }

    /// How often the last step was tried, earlier runs among them.
    pub(super) fn last_tries(&self) -> u32 {
        self.steps.last().map_or(1, |step| step.tries)
    }

    fn earlier_tries(&self, name: &str) -> u32 {
        self.failed.iter().find(|(failed, _)| failed == name).map_or(0, |(_, tries)| *tries)
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
        let tries = self.earlier_tries(name) + 1;
        let mut span = Span::begin(SpanKind::Internal, || format!("step {name}"));
        span.tell(|span| {
            span.set("integridai.step", name);
            span.set("integridai.tries", tries);
        });
        let outcome = span.around(work).await;
        span.tell(|span| span.error = outcome.as_ref().err().map(super::failure::message));
        drop(span);
        let took = begin.elapsed();
        calls.measure(name, took, &outcome);
        let duration_ms = milliseconds(took);
        let mut step = Step {
            name: name.into(),
            status: StepStatus::Succeeded,
            started_at: timestamp::format(started),
            duration_ms,
            tries,
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

    /// The steps with what they gave, as they are kept for the next try.
    pub(super) fn to_kept_json(&self) -> JsonText {
        JsonText::from_serialize(&self.steps).unwrap_or_else(|_| JsonText::empty_list())
    }

    fn earlier(&self, name: &str) -> Option<Done> {
        let step = self.steps.iter().find(|step| step.name == name)?;
        Some(Done { output: step.output.clone()?, finished_at: finished_at(step) })
    }

    /// A step that could not be kept is repeated after a crash; its idempotency key makes that harmless.
    async fn save(&self) {
        let Some(Kept { store, lease, lost }) = &self.kept else { return };
        let saved: Result<(), BoxError> = match JsonText::from_serialize(&self.steps) {
            Ok(steps) => match store.save_steps(*lease, steps).await {
                Err(StoreError::LeaseLost) => return lost.cancel(),
                saved => saved.map_err(Into::into),
            },
            Err(error) => Err(error.into()),
        };
        if let Err(error) = saved {
            let error = error.as_ref() as &dyn std::error::Error;
            tracing::warn!(execution = %lease.id, error, "a step could not be kept");
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
