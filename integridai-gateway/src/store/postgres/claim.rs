//! An execution claimed for a caller, given back to the queue if the caller is no longer there to take it.
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::sessions::Sessions;
use super::{claim_order, executions};
use crate::store::{ClaimRules, Execution, StoreError};

/// Claims in a task of its own, so that a caller who goes away leaves no claim behind that nobody knows of.
pub(super) async fn claim(
    sessions: &Arc<Sessions>,
    runtime: &Handle,
    rules: ClaimRules,
) -> Result<Option<Execution>, StoreError> {
    let (reply, answer) = oneshot::channel();
    let (sessions, again) = (Arc::clone(sessions), runtime.clone());
    runtime.spawn(async move {
        let rules = &rules;
        let found =
            sessions.once(|mut session| async move { claim_order::claim(&mut session, rules).await }).await;
        let claim = found.map(|found| {
            found.map(|execution| Claim { execution: Some(execution), sessions, runtime: again })
        });
        // What nobody takes is dropped here, or with the channel, and so goes back.
        let _ = reply.send(claim);
    });
    let claim = answer.await.map_err(|_| StoreError::Closed)??;
    Ok(claim.and_then(Claim::take))
}

struct Claim {
    execution: Option<Execution>,
    sessions: Arc<Sessions>,
    runtime: Handle,
}

impl Claim {
    fn take(mut self) -> Option<Execution> {
        self.execution.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(lease) = self.execution.take().map(|execution| execution.lease()) else { return };
        let sessions = Arc::clone(&self.sessions);
        self.runtime.spawn(async move {
            let released = sessions.repeatable(|session, _| async move { executions::release(&session, lease).await });
            if let Err(error) = released.await {
                tracing::warn!(execution = %lease.id, error = &error as &dyn std::error::Error, "a claim could not be given back");
            }
        });
    }
}
