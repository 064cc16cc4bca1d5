//! Consolidated metrics: gathered by one refresh at a time, served from memory until they are too old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use integridai_tower::fan_out::server_timing;
use tokio::time::Instant;
use uuid::Uuid;

use super::known::Known;
use super::report::Reporter;
use super::snapshot::{ConsolidatedMetrics, Snapshot, SystemHealth};
use super::{Chosen, HealthRule, KeptAnswers, Sources, Traffic};
use crate::telemetry::traces::{Span, SpanKind};
use crate::timestamp;
use integridai_tower::CorrelationId;
use integridai_tower::correlation::Correlation;

/// Serves consolidated metrics. A clone is the same.
#[derive(Debug, Clone)]
pub struct Consolidated {
    shared: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sources: Sources,
    rule: HealthRule,
    max_age: Duration,
    traffic: Arc<Traffic>,
    reporter: Reporter,
    known: tokio::sync::Mutex<Known>,
    state: Mutex<State>,
    kept: Mutex<Option<(KeptAnswers, Chosen)>>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
    /// What was gathered up to here is too old.
    expired: Option<Instant>,
    refresh: Option<Refresh>,
}

/// The one refresh in flight; `None` comes out if it was torn down at shutdown.
type Refresh = Shared<BoxFuture<'static, Option<Arc<Snapshot>>>>;

/// No metrics: the gateway goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the metrics could not be gathered")]
#[non_exhaustive]
pub struct Unavailable;

impl Consolidated {
    /// Metrics from `sources`, kept for `max_age`.
    #[must_use]
    pub fn new(
        sources: Sources,
        rule: HealthRule,
        max_age: Duration,
        traffic: Arc<Traffic>,
        reporter: Reporter,
    ) -> Self {
        let (known, state, kept) = Default::default();
        Self { shared: Arc::new(Inner { sources, rule, max_age, traffic, reporter, known, state, kept }) }
    }

    /// How long a snapshot is served.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.shared.max_age
    }

    /// Which of these answers are made of the metrics: from now on each [refresh](Self::refresh) makes them stale.
    pub fn are_kept_in(&self, answers: Option<KeptAnswers>, chosen: Chosen) {
        *self.shared.kept() = answers.map(|answers| (answers, chosen));
    }

    /// The metrics from memory, or gathered now if those are too old. However many ask, the services are asked
    /// once; the round goes on if whoever asked leaves.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]
    pub async fn current(&self) -> Result<Arc<Snapshot>, Unavailable> {
        let refresh = {
            let mut state = self.shared.state();
            match state.fresh(self.shared.max_age) {
                Some(snapshot) => return Ok(Arc::clone(snapshot)),
                None => self.join_refresh(&mut state),
            }
        };
        refresh.await.ok_or(Unavailable)
    }

    /// The last metrics, whatever their age, without waiting for any service; if they are too old, or there are none
    /// yet, a round begins.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        let mut state = self.shared.state();
        let snapshot = state.snapshot.clone();
        if state.fresh(self.shared.max_age).is_none() {
            // The round runs on its own; nobody here waits for it.
            drop(self.join_refresh(&mut state));
        }
        snapshot
    }

    /// The metrics gathered now, whatever is in memory; joins a round that is under way.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, Unavailable> {
        let refresh = self.join_refresh(&mut self.shared.state());
        let snapshot = refresh.await.ok_or(Unavailable)?;
        let kept = self.shared.kept().clone();
        if let Some((answers, chosen)) = kept {
            answers.purge(&chosen, true);
        }
        Ok(snapshot)
    }

    /// From now on the metrics in memory are too old. A round that is under way gathers new ones.
    pub fn expire(&self) {
        self.shared.state().expired = Some(Instant::now());
    }

    /// Refreshes at this interval, beginning at once unless there are fresh metrics, for as long as it is polled.
    pub async fn keep_fresh(self, interval: Duration) {
        let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut gathered = self.current().await;
        loop {
            if let Err(error) = gathered {
                tracing::warn!(error = &error as &dyn std::error::Error, "metrics_update skipped");
            }
            ticks.tick().await;
            gathered = self.refresh().await;
        }
    }

    fn join_refresh(&self, state: &mut State) -> Refresh {
        let begin = || {
            let shared = Arc::clone(&self.shared);
            let round = async move {
                let _end = EndOfRefresh(&shared);
                shared.gather().await
            };
            let task = tokio::spawn(in_trace(round));
            task.map(Result::ok).boxed().shared()
        };
        state.refresh.get_or_insert_with(begin).clone()
    }
}

impl State {
    fn fresh(&self, max_age: Duration) -> Option<&Arc<Snapshot>> {
        let is_fresh = |snapshot: &&Arc<Snapshot>| {
            snapshot.age() < max_age && self.expired.is_none_or(|moment| snapshot.gathered > moment)
        };
        self.snapshot.as_ref().filter(is_fresh)
    }
}

/// However a refresh ends, the next caller can begin another.
struct EndOfRefresh<'a>(&'a Inner);

impl Drop for EndOfRefresh<'_> {
    fn drop(&mut self) {
        self.0.state().refresh = None;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Option<(KeptAnswers, Chosen)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn gather(&self) -> Arc<Snapshot> {
        let (answers, outcomes) = self.sources.ask().await;
        let round = self.known.lock().await.learn(answers, self.rule);
        let metrics = ConsolidatedMetrics {
            timestamp: timestamp::now(),
            system_health: SystemHealth {
                flaisimulator_status: round.flaisimulator,
                regtech_status: round.regtech,
                dashboard_status: round.dashboard,
            },
            business_metrics: round.business,
            performance_metrics: self.traffic.figures(),
            stale: round.stale,
        };
        let body = serde_json::to_vec(&metrics).expect("numbers and texts always serialise").into();
        let reason = (!round.reasons.is_empty()).then(|| round.reasons.join("; "));
        let timing = server_timing(&outcomes);
        let snapshot = Arc::new(Snapshot {
            id: Uuid::now_v7(),
            metrics,
            body,
            reason,
            timing,
            gathered: Instant::now(),
        });
        self.state().snapshot = Some(Arc::clone(&snapshot));
        self.reporter.report(&snapshot, &round.changes);
        snapshot
    }
}

/// The round is of all who wait for it; its calls are told in the trace of the first one.
fn in_trace<F: Future>(round: F) -> impl Future<Output = F::Output> {
    let span = Span::begin(SpanKind::Internal, || "gather metrics");
    let correlation =
        span.trace().map(|trace| Correlation::new(CorrelationId::generate()).with_trace(trace.clone()));
    async move {
        let _span = span;
        match correlation {
            Some(correlation) => correlation.scope(round).await,
            None => round.await,
        }
    }
}
