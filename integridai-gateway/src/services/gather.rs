//! Asking the three services for their figures, at the same time.

use std::time::Duration;

use integridai_tower::Deadline;
use integridai_tower::client::ClientError;
use integridai_tower::client::integridai::{ComplianceFigures, DashboardFigures, TrainingFigures};
use tokio::time::Instant;

use super::{Calls, Outcome};
use crate::stack::Clients;

/// The services, and how long each may take.
#[derive(Debug, Clone)]
pub struct Sources {
    clients: Clients,
    calls: Calls,
    timeout: Duration,
}

/// What one service answered.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) outcome: Outcome,
    pub(super) figures: Option<T>,
}

/// What all of them answered.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) training: Answer<TrainingFigures>,
    pub(super) compliance: Answer<ComplianceFigures>,
    pub(super) dashboard: Answer<DashboardFigures>,
}

impl Sources {
    /// Asks through `clients`, each service for at most `timeout`; `calls` measures it.
    #[must_use]
    pub fn new(clients: Clients, calls: Calls, timeout: Duration) -> Self {
        Self { clients, calls, timeout }
    }

    pub(super) async fn ask(&self) -> Answers {
        let deadline = Deadline::after(self.timeout);
        let (training, compliance, dashboard) = tokio::join!(
            self.timed(
                "flaisimulator.metrics",
                self.clients.flaisimulator.metrics().deadline(deadline).send()
            ),
            self.timed(
                "regtech.compliance_dashboard",
                self.clients.regtech.compliance_dashboard().deadline(deadline).send()
            ),
            self.timed("dashboard.metrics", self.clients.dashboard.metrics().deadline(deadline).send()),
        );
        Answers { training, compliance, dashboard }
    }

    async fn timed<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Answer<T> {
        let begin = Instant::now();
        let outcome = call.await;
        let took = begin.elapsed();
        self.calls.measure(name, took, &outcome);
        match outcome {
            Ok(figures) => Answer { outcome: Outcome::Answered(took), figures: Some(figures) },
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no figures");
                Answer { outcome: Outcome::of_error(&error), figures: None }
            }
        }
    }
}
