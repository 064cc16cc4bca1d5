//! The last good figures of each service, and how each service was the last time.

use std::time::Duration;

use integridai_tower::client::integridai::{ComplianceFigures, DashboardFigures, TrainingFigures};
use serde::Serialize;
use time::OffsetDateTime;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::gather::{Answer, Answers};
use super::{BusinessMetrics, HealthRule, ServiceStatus};
use crate::timestamp;

/// Figures of a service that could not be asked: the last good ones, or 0 where there never were any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StaleFigures {
    /// The service.
    #[schema(example = "regtech")]
    pub service: &'static str,
    /// When it last answered well; `null` if it never did.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    pub last_success: Option<String>,
    /// How long ago that was.
    #[schema(example = 42)]
    pub age_seconds: Option<u64>,
}

/// A service whose status is another than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) service: &'static str,
    pub(super) before: Option<ServiceStatus>,
    pub(super) now: ServiceStatus,
}

/// What is known of all services.
#[derive(Debug, Default)]
pub(super) struct Known {
    training: Service<TrainingFigures>,
    compliance: Service<ComplianceFigures>,
    dashboard: Service<DashboardFigures>,
}

#[derive(Debug)]
struct Service<T> {
    good: Option<Good<T>>,
    status: Option<ServiceStatus>,
}

impl<T> Default for Service<T> {
    fn default() -> Self {
        Self { good: None, status: None }
    }
}

#[derive(Debug)]
struct Good<T> {
    figures: T,
    at: Instant,
    moment: OffsetDateTime,
}

/// What is made of a round of answers.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) flaisimulator: ServiceStatus,
    pub(super) regtech: ServiceStatus,
    pub(super) dashboard: ServiceStatus,
    pub(super) business: BusinessMetrics,
    pub(super) stale: Vec<StaleFigures>,
    pub(super) changes: Vec<Change>,
    /// Such as "regtech cannot be connected to", for each service that is not online.
    pub(super) reasons: Vec<String>,
}

impl Known {
    pub(super) fn learn(&mut self, answers: Answers, rule: HealthRule) -> Round {
        let (mut stale, mut changes) = (Vec::new(), Vec::new());
        let outcomes = [answers.training.outcome, answers.compliance.outcome, answers.dashboard.outcome];
        let flaisimulator =
            self.training.learn("flaisimulator", answers.training, rule, &mut stale, &mut changes);
        let regtech = self.compliance.learn("regtech", answers.compliance, rule, &mut stale, &mut changes);
        let dashboard = self.dashboard.learn("dashboard", answers.dashboard, rule, &mut stale, &mut changes);
        let business = BusinessMetrics::consolidate(
            self.training.figures(),
            self.compliance.figures(),
            self.dashboard.figures(),
        );
        let now = [("flaisimulator", flaisimulator), ("regtech", regtech), ("dashboard", dashboard)];
        let unwell = now.iter().zip(outcomes).filter(|((_, status), _)| *status != ServiceStatus::Online);
        let reasons = unwell.map(|((name, _), outcome)| format!("{name} {}", outcome.reason())).collect();
        Round { flaisimulator, regtech, dashboard, business, stale, changes, reasons }
    }
}

impl<T> Service<T> {
    fn figures(&self) -> Option<&T> {
        self.good.as_ref().map(|good| &good.figures)
    }

    fn age(&self) -> Option<Duration> {
        self.good.as_ref().map(|good| good.at.elapsed())
    }

    fn learn(
        &mut self,
        service: &'static str,
        answer: Answer<T>,
        rule: HealthRule,
        stale: &mut Vec<StaleFigures>,
        changes: &mut Vec<Change>,
    ) -> ServiceStatus {
        let now = rule.status(answer.outcome, self.age(), self.status);
        match answer.figures {
            Some(figures) => {
                self.good = Some(Good { figures, at: Instant::now(), moment: OffsetDateTime::now_utc() });
            }
            None => stale.push(StaleFigures {
                service,
                last_success: self.good.as_ref().map(|good| timestamp::format(good.moment)),
                age_seconds: self.age().map(|age| age.as_secs()),
            }),
        }
        let before = self.status.replace(now);
        // A first look that finds all well is no news.
        if before.unwrap_or(ServiceStatus::Online) != now {
            changes.push(Change { service, before, now });
        }
        now
    }
}
