//! When a service is online, degraded or offline.

use std::time::Duration;

use integridai_tower::client::{ClientError, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceStatus {
    /// It answers well and in time.
    Online,
    /// It answers slowly or with errors, or it has just stopped answering and its figures are the last good ones.
    Degraded,
    /// It cannot be reached, or has not answered for long.
    Offline,
}

impl ServiceStatus {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Offline => "offline",
        }
    }
}

/// How asking a service for its figures went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A good answer after this time.
    Answered(Duration),
    /// An answer that is an error or makes no sense.
    Erred,
    /// No answer in time, or the connection broke.
    Silent,
    /// No connection.
    Unreachable,
    /// It was not asked: its circuit is open, or as many calls are under way as may be.
    LeftAlone,
}

impl Outcome {
    /// What a failed call says about the service.
    #[must_use]
    pub fn of_error(error: &ClientError) -> Self {
        match error.kind() {
            ErrorKind::Connect => Self::Unreachable,
            ErrorKind::NotReady => Self::LeftAlone,
            ErrorKind::TimedOut { .. } | ErrorKind::Broken => Self::Silent,
            _ => Self::Erred,
        }
    }

    /// What follows the service's name where it is told why it is not well.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Answered(_) => "answers slowly",
            Self::Erred => "answers with an error",
            Self::Silent => "does not answer",
            Self::Unreachable => "cannot be connected to",
            Self::LeftAlone => "is left alone for a while after it failed",
        }
    }
}

/// The rule, with its two thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthRule {
    /// A good answer that took longer is a slow one.
    pub slow: Duration,
    /// A silent service is offline once its last good answer is this old.
    pub offline_after: Duration,
}

impl HealthRule {
    /// The status after `outcome`, where the last good answer before it is `last_good` old. Of a service that is left alone nothing
    /// new is known: what was offline `before` stays so.
    #[must_use]
    pub fn status(
        self,
        outcome: Outcome,
        last_good: Option<Duration>,
        before: Option<ServiceStatus>,
    ) -> ServiceStatus {
        match outcome {
            Outcome::Answered(after) if after <= self.slow => ServiceStatus::Online,
            Outcome::Answered(_) | Outcome::Erred => ServiceStatus::Degraded,
            Outcome::Silent if last_good.is_some_and(|age| age < self.offline_after) => {
                ServiceStatus::Degraded
            }
            Outcome::LeftAlone if before != Some(ServiceStatus::Offline) => ServiceStatus::Degraded,
            Outcome::Silent | Outcome::Unreachable | Outcome::LeftAlone => ServiceStatus::Offline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_rule() {
        let rule = HealthRule { slow: Duration::from_secs(2), offline_after: Duration::from_secs(90) };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (outcome, last_good, expected) in [
            (Outcome::Answered(Duration::from_secs(2)), None, ServiceStatus::Online),
            (Outcome::Answered(Duration::from_millis(2_001)), seconds(1), ServiceStatus::Degraded),
            (Outcome::Erred, None, ServiceStatus::Degraded),
            (Outcome::Erred, seconds(1_000), ServiceStatus::Degraded),
            (Outcome::Silent, seconds(89), ServiceStatus::Degraded),
            (Outcome::Silent, seconds(90), ServiceStatus::Offline),
            (Outcome::Silent, None, ServiceStatus::Offline),
            (Outcome::Unreachable, seconds(1), ServiceStatus::Offline),
        ] {
            assert_eq!(rule.status(outcome, last_good, None), expected, "{outcome:?} {last_good:?}");
        }
        for (before, expected) in [
            (None, ServiceStatus::Degraded),
            (Some(ServiceStatus::Online), ServiceStatus::Degraded),
            (Some(ServiceStatus::Degraded), ServiceStatus::Degraded),
            (Some(ServiceStatus::Offline), ServiceStatus::Offline),
        ] {
            assert_eq!(rule.status(Outcome::LeftAlone, seconds(1), before), expected, "{before:?}");
        }
    }
}
