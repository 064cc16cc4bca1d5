//! What goes into the queue, who may take it out, and what comes of it.
use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Execution, ExecutionState, Priority};

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// In all.
    pub max_queued: u64,
    /// Of one principal.
    pub max_queued_per_principal: u64,
    /// Idempotency keys that are kept of one principal.
    pub max_keys_per_principal: u64,
}

impl Admission {
    /// As much as there is room for.
    pub const UNBOUNDED: Self =
        Self { max_queued: u64::MAX, max_queued_per_principal: u64::MAX, max_keys_per_principal: u64::MAX };
}

/// What makes a repeated request the same one (draft-ietf-httpapi-idempotency-key-header §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The client's key; unique among those of the principal.
    pub key: String,
    /// Tells whether a request with the same key has the same payload.
    pub fingerprint: String,
    /// What the first request is answered.
    pub answer: KeyAnswer,
    /// When the key is forgotten.
    pub expires_at: OffsetDateTime,
}

/// What a request with an idempotency key is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAnswer {
    /// That it was accepted.
    Accepted,
    /// What came of it.
    Result,
}

impl KeyAnswer {
    /// Every answer.
    pub const ALL: [Self; 2] = [Self::Accepted, Self::Result];

    /// The answer as it is written in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Result => "result",
        }
    }
}

/// What became of an execution that was handed in.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    /// It waits, and survives a crash.
    Accepted,
    /// The key was used before, for the same payload: this is the execution of that time.
    Repeated(Box<Execution>, KeyAnswer),
    /// The key was used before, for another payload.
    KeyReused,
    /// As many wait as may.
    Full,
    /// As many of this principal wait as may.
    PrincipalFull,
    /// As many idempotency keys of this principal are kept as may.
    KeysFull,
}

/// Who claims, for how long, and what may not be claimed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    /// Who claims, at most 100 characters.
    pub worker: String,
    /// How long the claim holds without a heartbeat.
    pub lease: Duration,
    /// How many executions of one principal may run at once.
    pub max_running_per_principal: u64,
    /// How many executions of a workflow may run at once; of one that is not named, as many as there are workers.
    pub max_running: BTreeMap<String, u64>,
}

impl ClaimRules {
    /// A claim of this worker for half a minute, without other bounds.
    #[must_use]
    pub fn new(worker: impl Into<String>) -> Self {
        Self {
            worker: worker.into(),
            lease: Duration::from_secs(30),
            max_running_per_principal: u64::MAX,
            max_running: BTreeMap::new(),
        }
    }
}

/// The right to write to a running execution. It ends when the execution is claimed anew: the fence grows with every
/// claim, and a write with an older one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The execution.
    pub id: Uuid,
    /// Which claim of it.
    pub fence: u64,
}

/// What a heartbeat finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease holds anew.
    Held,
    /// The lease holds anew, and somebody wants the execution to be cancelled.
    CancelRequested,
    /// The execution is another's, or has ended.
    Lost,
}

/// What became of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// It waited, and will not be done.
    Cancelled,
    /// It runs; its worker is told with the next heartbeat.
    Requested,
    /// It had ended like this.
    Ended(ExecutionState),
    /// There is no such execution.
    Unknown,
}

/// Which executions to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Of this workflow.
    pub workflow: Option<String>,
    /// In this state.
    pub state: Option<ExecutionState>,
    /// Of this principal.
    pub principal: Option<String>,
    /// Of this user.
    pub user_id: Option<String>,
    /// Accepted at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Accepted before this moment.
    pub until: Option<OffsetDateTime>,
    /// Only what comes after this one.
    pub after: Option<(OffsetDateTime, Uuid)>,
}

/// An execution in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// Identifies the execution; unique.
    pub id: Uuid,
    /// The workflow's name.
    pub workflow: String,
    /// Where it stands.
    pub state: ExecutionState,
    /// How urgent it is.
    pub priority: Priority,
    /// The request's correlation id.
    pub correlation_id: Option<String>,
    /// Who asked.
    pub user_id: Option<String>,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When the last attempt began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// How often it was claimed.
    pub attempts: u32,
}
