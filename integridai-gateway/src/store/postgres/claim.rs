//! Executions claimed for callers, each given back to the queue if its caller is no longer there to take it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

use super::sessions::Sessions;
use super::together::Together;
use super::{claim_order, executions};
use crate::store::{ClaimRules, Execution, StoreError};

/// What comes of a claim.
type Claimed = Result<Option<Claim>, StoreError>;

/// Those who want an execution now.
#[derive(Debug)]
pub(super) struct Claimers {
    together: Arc<Together<ClaimRules, Claimed>>,
    /// Whether there was less than was asked for, so that the next look is one without the queue's lock.
    was_empty: Arc<AtomicBool>,
}

impl Claimers {
    pub(super) fn new() -> Self {
        Self { together: Together::new(), was_empty: Arc::default() }
    }

    /// Claims in a task of its own, so that a caller who goes away leaves no claim behind that nobody knows of.
    pub(super) async fn claim(
        &self,
        sessions: &Arc<Sessions>,
        runtime: &Handle,
        rules: ClaimRules,
    ) -> Result<Option<Execution>, StoreError> {
        let _turn = sessions.turn()?;
        let (shared, own, was_empty) = (Arc::clone(sessions), runtime.clone(), Arc::clone(&self.was_empty));
        let work = move |rules: Vec<ClaimRules>| {
            let (sessions, runtime, was_empty) = (Arc::clone(&shared), own.clone(), Arc::clone(&was_empty));
            async move { claim(&sessions, &runtime, &was_empty, &rules).await }
        };
        let claim = self.together.ask(runtime, rules, work).await??;
        Ok(claim.and_then(Claim::take))
    }
}

async fn claim(
    sessions: &Arc<Sessions>,
    runtime: &Handle,
    was_empty: &AtomicBool,
    rules: &[ClaimRules],
) -> Vec<Claimed> {
    let look_first = was_empty.load(Ordering::Relaxed);
    let found = sessions.watched(|session| async move {
        if look_first && !claim_order::may_find(&session).await? {
            return Ok(rules.iter().map(|_| None).collect());
        }
        claim_order::claim(&session, rules).await
    });
    let found: Result<Vec<Option<Execution>>, StoreError> = found.await;
    let one = |execution| Claim {
        execution: Some(execution),
        sessions: Arc::clone(sessions),
        runtime: runtime.clone(),
    };
    match found {
        Ok(found) => {
            was_empty.store(found.iter().any(Option::is_none), Ordering::Relaxed);
            found.into_iter().map(|execution| Ok(execution.map(one))).collect()
        }
        Err(error) => rules.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// What nobody takes goes back when it is dropped.
#[derive(Debug)]
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
