//! The sums the dashboard shows.
use serde::Serialize;

use super::update::{Scored, UpdateKind};
use crate::demo::chance::{Chance, rounded};

const HIGH_RISK_BELOW: f64 = 40.0;
const COMPLIANT_FROM: f64 = 70.0;

#[derive(Debug)]
pub(super) struct Board {
    start: Providers,
    providers: Providers,
    analyses: u64,
    trainings: u64,
    completed: u64,
    training_scores: u64,
    training_score_sum: f64,
}

#[derive(Clone, Copy, Debug)]
struct Providers {
    total: u64,
    high_risk: u64,
    compliant: u64,
    scored: u64,
    score_sum: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct NestedMetrics {
    pub(super) overview: Overview,
    pub(super) trends: Trends,
    pub(super) training_metrics: TrainingMetrics,
}

#[derive(Debug, Serialize)]
pub(super) struct Overview {
    total_providers: u64,
    high_risk_providers: u64,
    /// Percent of the providers.
    compliance_rate: f64,
    avg_risk_score: f64,
}

/// What changed since the start.
#[derive(Debug, Serialize)]
pub(super) struct Trends {
    provider_updates: u64,
    training_updates: u64,
    compliance_rate_change: f64,
    avg_risk_score_change: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct TrainingMetrics {
    active_users: u64,
    completion_rate: f64,
    avg_score: f64,
}

impl Board {
    /// A dashboard that has been in use for a while.
    pub(super) fn seeded(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let mut start = Providers { total: 0, high_risk: 0, compliant: 0, scored: 0, score_sum: 0.0 };
        for _ in 0..120 {
            start.add(Some(chance.fraction().sqrt() * 100.0));
        }
        let trainings = 200 + chance.bits() % 20;
        let completed = trainings * 3 / 4;
        Self {
            start,
            providers: start,
            analyses: 0,
            trainings,
            completed,
            training_scores: trainings,
            training_score_sum: trainings as f64 * (76.0 + 10.0 * chance.fraction()),
        }
    }

    /// Returns how many updates there were so far, this one included.
    pub(super) fn apply(&mut self, update: &UpdateKind) -> u64 {
        match update {
            UpdateKind::Analysis(scored) => {
                self.analyses += 1;
                self.providers.add(scored.score);
            }
            UpdateKind::Training(scored) => self.train(*scored),
        }
        self.analyses + self.trainings
    }

    pub(super) fn overview(&self) -> Overview {
        Overview {
            total_providers: self.providers.total,
            high_risk_providers: self.providers.high_risk,
            compliance_rate: self.providers.compliance_rate(),
            avg_risk_score: self.providers.average(),
        }
    }

    pub(super) fn trends(&self) -> Trends {
        let compliance = self.providers.compliance_rate() - self.start.compliance_rate();
        let score = self.providers.average() - self.start.average();
        Trends {
            provider_updates: self.analyses,
            training_updates: self.trainings,
            compliance_rate_change: rounded(compliance, 2),
            avg_risk_score_change: rounded(score, 2),
        }
    }

    pub(super) fn training(&self) -> TrainingMetrics {
        TrainingMetrics {
            active_users: self.trainings - self.completed,
            completion_rate: ratio(self.completed as f64 * 100.0, self.trainings),
            avg_score: ratio(self.training_score_sum, self.training_scores),
        }
    }

    fn train(&mut self, scored: Scored) {
        self.trainings += 1;
        self.completed += u64::from(scored.completed);
        if let Some(score) = scored.score {
            self.training_scores += 1;
            self.training_score_sum += score;
        }
    }
}

impl Providers {
    fn add(&mut self, score: Option<f64>) {
        self.total += 1;
        let Some(score) = score else {
            return;
        };
        self.scored += 1;
        self.score_sum += score;
        self.high_risk += u64::from(score < HIGH_RISK_BELOW);
        self.compliant += u64::from(score >= COMPLIANT_FROM);
    }

    fn compliance_rate(&self) -> f64 {
        ratio(self.compliant as f64 * 100.0, self.scored)
    }

    fn average(&self) -> f64 {
        ratio(self.score_sum, self.scored)
    }
}

fn ratio(sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { rounded(sum / count as f64, 2) }
}
