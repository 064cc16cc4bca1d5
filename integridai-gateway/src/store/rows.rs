//! The rows of the four tables.
//!
//! Timestamps are kept to the microsecond, in UTC. Text that is wider than the published schema allows
//! (`VARCHAR(50)` and so on) is cut to that width when it is written, so that every database holds the same.
use time::OffsetDateTime;
use uuid::Uuid;

use super::{JsonText, Lease};

/// A row of `system_events`: something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemEvent {
    /// Identifies the event; unique.
    pub id: Uuid,
    /// What happened, at most 50 characters.
    pub event_type: String,
    /// Who says so, at most 255 characters; the column `service_name` has the first 50, `source` has them all.
    pub service_name: String,
    /// The event's data.
    pub payload: JsonText,
    /// When it happened.
    pub timestamp: OffsetDateTime,
    /// The request it belongs to, at most 100 characters.
    pub correlation_id: Option<String>,
    /// The user it belongs to, at most 100 characters.
    pub user_id: Option<String>,
    /// What its source calls it, at most 255 characters: unique among the events of one source and publisher.
    pub event_id: Option<String>,
    /// Which user of this name: see [`identity`](crate::identity). Without, nobody but an operator knows whose it is.
    pub owner: Option<String>,
    /// Among whose events of the source the id is unique; empty: among all.
    pub publisher: String,
}

/// A row of `metrics_history`: one figure at one moment. Its number is given by the database.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    /// The figure's name, at most 100 characters.
    pub metric_name: String,
    /// The figure. A value that is not a number cannot be stored and counts as dropped.
    pub metric_value: f64,
    /// The service it is about, at most 50 characters.
    pub service: String,
    /// When it was taken.
    pub timestamp: OffsetDateTime,
    /// Anything else worth keeping.
    pub metadata: Option<JsonText>,
}

/// A row of `api_calls_log`: one answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// Identifies the call; unique.
    pub id: Uuid,
    /// The path or the route, at most 200 characters.
    pub endpoint: String,
    /// The method, at most 10 characters.
    pub method: String,
    /// The status of the answer.
    pub status_code: u16,
    /// From the request's head to the answer's head, in milliseconds.
    pub response_time_ms: u64,
    /// The request body in bytes, where it is known.
    pub request_size: Option<u64>,
    /// The answer's body in bytes, where it is known.
    pub response_size: Option<u64>,
    /// When the request arrived.
    pub timestamp: OffsetDateTime,
}

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    /// Accepted, and waiting for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Ended, with a result.
    Succeeded,
    /// Ended, with an error.
    Failed,
    /// Ended, because somebody wanted it to.
    Cancelled,
    /// Given up: it can be replayed.
    Dead,
}

impl ExecutionState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Dead];

    /// The state as it is written in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// Whether nothing more will happen to the execution by itself.
    #[must_use]
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// How urgent an execution is: higher is claimed first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// After everything else; 0 in the table.
    Low,
    /// The default; 1 in the table.
    #[default]
    Normal,
    /// Before everything else; 2 in the table.
    High,
}

impl Priority {
    /// Every priority, lowest first: its place is its number in the table.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The priority as it is written in requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// An execution to be accepted into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// Identifies the execution; unique.
    pub id: Uuid,
    /// The workflow's name.
    pub workflow: String,
    /// How urgent it is.
    pub priority: Priority,
    /// The request, complete enough to run it after a restart.
    pub request: JsonText,
    /// The request's correlation id.
    pub correlation_id: Option<String>,
    /// Who asked.
    pub user_id: Option<String>,
    /// Whose turn it takes in the queue, and whose bounds it counts against.
    pub principal: String,
    /// How long it may take from when it is due, in milliseconds.
    pub timeout_ms: u64,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it is due; nobody claims it before.
    pub run_at: OffsetDateTime,
    /// Where in a trace it was handed in (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// A row of `executions`.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Identifies the execution; unique.
    pub id: Uuid,
    /// The workflow's name.
    pub workflow: String,
    /// Where it stands.
    pub state: ExecutionState,
    /// How urgent it is.
    pub priority: Priority,
    /// The request, complete enough to run it after a restart.
    pub request: JsonText,
    /// The request's correlation id, at most 100 characters.
    pub correlation_id: Option<String>,
    /// Who asked, at most 100 characters.
    pub user_id: Option<String>,
    /// Whose turn it takes in the queue, and whose bounds it counts against.
    pub principal: String,
    /// How long it may take from when it is due, in milliseconds.
    pub timeout_ms: u64,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it is due; after a failed try, when the next one is.
    pub run_at: OffsetDateTime,
    /// When it must be over, in the queue or out of it.
    pub deadline_at: Option<OffsetDateTime>,
    /// When the last attempt began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// How often it was claimed.
    pub attempts: u32,
    /// How often a claim of it was cut short.
    pub interruptions: u32,
    /// Which claim the last one was; grows with every one.
    pub fence: u64,
    /// Whether somebody wants it to be cancelled.
    pub cancel_requested: bool,
    /// The steps taken so far.
    pub steps: JsonText,
    /// The result, once there is one.
    pub result: Option<JsonText>,
    /// What went wrong, if it failed.
    pub error: Option<JsonText>,
    /// Where in a trace it was handed in (W3C Trace Context).
    pub traceparent: Option<String>,
}

impl Execution {
    /// The right that the last claim gave.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { id: self.id, fence: self.fence }
    }
}

impl From<NewExecution> for Execution {
    fn from(new: NewExecution) -> Self {
        let timeout = time::Duration::milliseconds(i64::try_from(new.timeout_ms).unwrap_or(i64::MAX));
        Self {
            id: new.id,
            workflow: new.workflow,
            state: ExecutionState::Queued,
            priority: new.priority,
            request: new.request,
            correlation_id: new.correlation_id,
            user_id: new.user_id,
            principal: new.principal,
            timeout_ms: new.timeout_ms,
            created_at: new.created_at,
            run_at: new.run_at,
            deadline_at: new.run_at.checked_add(timeout),
            started_at: None,
            finished_at: None,
            attempts: 0,
            interruptions: 0,
            fence: 0,
            cancel_requested: false,
            steps: JsonText::empty_list(),
            result: None,
            error: None,
            traceparent: new.traceparent,
        }
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With this result.
    Succeeded {
        /// The answer.
        result: JsonText,
    },
    /// With this error.
    Failed {
        /// What went wrong.
        error: JsonText,
        /// What the client is told, where that differs.
        result: Option<JsonText>,
    },
    /// Somebody wanted it to.
    Cancelled {
        /// What whoever asks is told.
        error: JsonText,
    },
    /// It was given up, and can be replayed.
    Dead {
        /// What went wrong the last time.
        error: JsonText,
    },
}

/// The end of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// All steps; `None`: those that were saved last.
    pub steps: Option<JsonText>,
    /// When it ended.
    pub finished_at: OffsetDateTime,
}

/// One of the four tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// `system_events`.
    SystemEvents,
    /// `metrics_history`.
    MetricsHistory,
    /// `api_calls_log`.
    ApiCallsLog,
    /// `executions`.
    Executions,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] =
        [Self::SystemEvents, Self::MetricsHistory, Self::ApiCallsLog, Self::Executions];

    /// The table's name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SystemEvents => "system_events",
            Self::MetricsHistory => "metrics_history",
            Self::ApiCallsLog => "api_calls_log",
            Self::Executions => "executions",
        }
    }
}
