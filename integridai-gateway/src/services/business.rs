//! The business figures, from what the services answered.

use integridai_tower::client::integridai::{ComplianceFigures, DashboardFigures, TrainingFigures};
use serde::Serialize;
use utoipa::ToSchema;

/// Figures of the ecosystem. One that no service has told yet is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct BusinessMetrics {
    /// Users of the training platform.
    #[schema(example = 1250)]
    pub total_users: u64,
    /// Simulations that run now.
    #[schema(example = 37)]
    pub active_simulations: u64,
    /// Providers that RegTech has analysed.
    #[schema(example = 120)]
    pub providers_analyzed: u64,
    /// Their mean compliance score, 0 to 100.
    #[schema(example = 74.2)]
    pub avg_compliance_score: f64,
    /// Percent of trainings completed times mean score in percent, 0 to 100: how much of what could have been
    /// learnt was. With only one of the two known, that one.
    #[schema(example = 61.3)]
    pub training_effectiveness: f64,
}

impl BusinessMetrics {
    /// Puts the figures together; what a service did not tell counts as 0.
    #[must_use]
    pub fn consolidate(
        training: Option<&TrainingFigures>,
        compliance: Option<&ComplianceFigures>,
        dashboard: Option<&DashboardFigures>,
    ) -> Self {
        Self {
            total_users: whole(training.and_then(|figures| figures.users)),
            active_simulations: whole(training.and_then(|figures| figures.active_simulations)),
            providers_analyzed: whole(compliance.and_then(|figures| figures.total_providers)),
            avg_compliance_score: compliance.and_then(|figures| figures.avg_compliance_score).unwrap_or(0.0),
            training_effectiveness: effectiveness(training, dashboard),
        }
    }
}

/// FLAISimulator's own figures, or the Dashboard's where FLAISimulator answers in its short shape.
fn effectiveness(training: Option<&TrainingFigures>, dashboard: Option<&DashboardFigures>) -> f64 {
    let own = training.map(|figures| (figures.completion_rate, figures.avg_score));
    let own = own.filter(|(completion, score)| completion.is_some() || score.is_some());
    match own.or_else(|| dashboard.map(|figures| (figures.completion_rate, figures.avg_training_score))) {
        Some((Some(completion), Some(score))) => {
            ((completion / 100.0 * score).clamp(0.0, 100.0) * 100.0).round() / 100.0
        }
        Some((one, other)) => one.or(other).unwrap_or(0.0).clamp(0.0, 100.0),
        None => 0.0,
    }
}

/// Counts are whole and not negative, whatever a service writes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped; `as` saturates")]
fn whole(figure: Option<f64>) -> u64 {
    figure.unwrap_or(0.0).max(0.0).round() as u64
}
