//! An execution claimed for a caller, given back to the queue if the caller is no longer there to take it.
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::executions;
use super::sessions::Sessions;
use crate::store::{Execution, StoreError};

/// Claims in a task of its own, so that a caller who goes away leaves no claim behind that nobody knows of.
pub(super) async fn claim(
    sessions: &Arc<Sessions>,
    runtime: &Handle,
) -> Result<Option<Execution>, StoreError> {
    let (reply, answer) = oneshot::channel();
    let (sessions, again) = (Arc::clone(sessions), runtime.clone());
    runtime.spawn(async move {
        let now = OffsetDateTime::now_utc();
        let found = sessions.once(|session| async move { executions::claim(&session, now).await }).await;
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
        let Some(Execution { id, attempts, .. }) = self.execution.take() else { return };
        let sessions = Arc::clone(&self.sessions);
        self.runtime.spawn(async move {
            let released = sessions.repeatable(|session, _| async move { executions::release(&session, id, attempts).await });
            if let Err(error) = released.await {
                tracing::warn!(execution = %id, error = &error as &dyn std::error::Error, "a claim could not be given back");
            }
        });
    }
}
