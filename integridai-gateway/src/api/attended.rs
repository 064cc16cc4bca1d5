//! An execution that a client waits for, recorded however it ends, so that its status can be asked for like any other's.

use integridai_tower::Deadline;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use crate::orchestration::{Caller, ExecuteRequest, Journal, Run};
use crate::store::{Execution, ExecutionState, JsonText, Store};

/// The execution under way. Dropped before its end it is recorded as failed: its client has left, and what was under
/// way is cancelled.
pub(super) struct Attended {
    pub(super) request: ExecuteRequest,
    pub(super) run: Run,
    store: Store,
    principal: String,
    /// Taken when the end is recorded.
    body: Option<JsonText>,
}

impl Attended {
    pub(super) fn new(store: Store, request: ExecuteRequest, body: JsonText, caller: Caller) -> Self {
        let run = Run {
            id: Uuid::now_v7(),
            correlation_id: caller.correlation_id,
            user_id: caller.user_id,
            owner: caller.owner,
            created_at: OffsetDateTime::now_utc(),
            deadline: Deadline::after(request.timeout),
            begun: Instant::now(),
            journal: Journal::default(),
            backoff: None,
            events: Vec::new(),
        };
        Self { request, run, store, principal: caller.principal, body: Some(body) }
    }

    /// Records the steps and the result, or the error.
    pub(super) fn end(&mut self, steps: JsonText, outcome: Result<JsonText, JsonText>) {
        let Some(body) = self.body.take() else { return };
        let (state, result, error) = match outcome {
            Ok(result) => (ExecutionState::Succeeded, Some(result), None),
            Err(error) => (ExecutionState::Failed, None, Some(error)),
        };
        let Self { request, run, principal, .. } = self;
        self.store.record_execution(Execution {
            id: run.id,
            workflow: request.workflow.to_owned(),
            state,
            priority: request.priority,
            request: body,
            correlation_id: Some(run.correlation_id.as_str().to_owned()),
            user_id: run.user_id.clone(),
            principal: principal.clone(),
            timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
            created_at: run.created_at,
            run_at: run.created_at,
            deadline_at: None,
            started_at: Some(run.created_at),
            finished_at: Some(OffsetDateTime::now_utc()),
            attempts: 1,
            interruptions: 0,
            fence: 0,
            cancel_requested: false,
            steps,
            result,
            error,
            traceparent: None,
        });
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        if self.body.is_some() {
            tracing::warn!(workflow_id = %self.run.id, "the client left before the end");
            // nginx's status for it; HTTP has none, since nobody is left to get it.
            let error = serde_json::json!({ "status": 499, "detail": "the client left before the end" });
            self.end(self.run.journal.to_json(), Err(error.into()));
        }
    }
}
