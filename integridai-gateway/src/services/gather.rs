//! Asking the three services for their figures, at the same time.

use std::time::Duration;

use integridai_tower::client::integridai::{ComplianceFigures, DashboardFigures, TrainingFigures};
use integridai_tower::client::{ClientError, ErrorKind};
use integridai_tower::fan_out::{Branch, BranchError, Gathered, Optional, Report, gather};
use integridai_tower::metrics::BranchTimes;
use integridai_tower::{BranchEnd, BranchOutcomes, Deadline};
use tokio::time::Instant;

use super::{Calls, Outcome};
use crate::stack::CurrentClients;

/// The services, and how long each may take.
#[derive(Debug, Clone)]
pub struct Sources {
    clients: CurrentClients,
    calls: Calls,
    times: BranchTimes,
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
    pub fn new(clients: impl Into<CurrentClients>, calls: Calls, timeout: Duration) -> Self {
        Self { clients: clients.into(), calls, times: BranchTimes::default(), timeout }
    }

    /// No service is required: figures of one that does not answer are told as stale.
    pub(super) async fn ask(&self) -> (Answers, BranchOutcomes) {
        // A call that runs out of time ends by itself, and tells how far it came.
        let deadline = Deadline::after(self.timeout);
        let clients = self.clients.get();
        let training = clients.flaisimulator.metrics().deadline(deadline).send();
        let compliance = clients.regtech.compliance_dashboard().deadline(deadline).send();
        let dashboard = clients.dashboard.metrics().deadline(deadline).send();
        let gathered = gather((
            branch("flaisimulator", self.timed("flaisimulator.metrics", training)),
            branch("regtech", self.timed("regtech.compliance_dashboard", compliance)),
            branch("dashboard", self.timed("dashboard.metrics", dashboard)),
        ));
        let gathered = gathered.await.expect("only a required branch can fail the whole");
        let Gathered { values: (training, compliance, dashboard), outcomes } = gathered;
        self.times.record(&outcomes);
        let answers = Answers {
            training: answer(training, &outcomes, "flaisimulator"),
            compliance: answer(compliance, &outcomes, "regtech"),
            dashboard: answer(dashboard, &outcomes, "dashboard"),
        };
        (answers, outcomes)
    }

    async fn timed<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let begin = Instant::now();
        let outcome = call.await;
        self.calls.measure(name, begin.elapsed(), &outcome);
        if let Err(error) = &outcome {
            tracing::debug!(error = error as &dyn std::error::Error, "no figures");
        }
        outcome
    }
}

fn branch<T, F>(service: &'static str, call: F) -> Branch<F, Optional>
where
    F: Future<Output = Result<T, ClientError>>,
{
    Branch::optional(service, call).report(report)
}

fn report<T>(result: &Result<T, ClientError>) -> Report {
    let Err(error) = result else { return Report::default() };
    let (end, status) = match error.kind() {
        ErrorKind::TimedOut { .. } => (Some(BranchEnd::TimedOut), None),
        ErrorKind::TooLarge { .. } => (Some(BranchEnd::TooLarge), None),
        ErrorKind::Status { status, .. } => (Some(BranchEnd::Rejected), Some(*status)),
        ErrorKind::Refused(_) | ErrorKind::Malformed => (Some(BranchEnd::Rejected), None),
        _ => (None, None),
    };
    Report { end, status, attempts: None }
}

fn answer<T>(
    result: Result<T, BranchError<ClientError>>,
    outcomes: &BranchOutcomes,
    service: &str,
) -> Answer<T> {
    match result {
        Ok(figures) => {
            let took = outcomes.get(service).map_or(Duration::ZERO, |branch| branch.latency);
            Answer { outcome: Outcome::Answered(took), figures: Some(figures) }
        }
        Err(error) => {
            let outcome = error.failed().map_or(Outcome::Silent, Outcome::of_error);
            Answer { outcome, figures: None }
        }
    }
}
