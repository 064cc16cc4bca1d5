//! Ends of executions, each with the events that tell of it, written together with those that come at the same time.
use std::collections::HashSet;
use std::sync::Arc;

use deadpool_postgres::ClientWrapper;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{big_integer, timestamp};
use super::sessions::{Session, Sessions};
use super::together::Together;
use super::{batch, execution_statements as statements};
use crate::store::{ExecutionState, Finished, JsonText, Lease, Outcome, StoreError, SystemEvent};

/// How an execution has ended, by whoever has the lease.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) lease: Lease,
    pub(super) finished: Finished,
    pub(super) events: Vec<SystemEvent>,
}

impl Ending {
    fn state(&self) -> ExecutionState {
        match &self.finished.outcome {
            Outcome::Succeeded { .. } => ExecutionState::Succeeded,
            Outcome::Failed { .. } => ExecutionState::Failed,
            Outcome::Cancelled { .. } => ExecutionState::Cancelled,
            Outcome::Dead { .. } => ExecutionState::Dead,
        }
    }

    fn result(&self) -> Option<&JsonText> {
        match &self.finished.outcome {
            Outcome::Succeeded { result } => Some(result),
            Outcome::Failed { result, .. } => result.as_ref(),
            Outcome::Cancelled { .. } | Outcome::Dead { .. } => None,
        }
    }

    fn error(&self) -> Option<&JsonText> {
        match &self.finished.outcome {
            Outcome::Succeeded { .. } => None,
            Outcome::Failed { error, .. } | Outcome::Cancelled { error } | Outcome::Dead { error } => {
                Some(error)
            }
        }
    }
}

/// Those whose executions have ended.
#[derive(Debug)]
pub(super) struct Finishers(Arc<Together<Ending, Result<bool, StoreError>>>);

impl Finishers {
    pub(super) fn new() -> Self {
        Self(Together::new())
    }

    /// Answers whether the lease held.
    pub(super) async fn finish(
        &self,
        sessions: &Arc<Sessions>,
        runtime: &Handle,
        ending: Ending,
    ) -> Result<bool, StoreError> {
        let _turn = sessions.turn()?;
        let sessions = Arc::clone(sessions);
        let work = move |endings: Vec<Ending>| {
            let sessions = Arc::clone(&sessions);
            async move { sessions.for_all(&endings, in_session).await }
        };
        self.0.ask(runtime, ending, work).await?
    }
}

fn in_session(
    session: Session,
    endings: &[Ending],
    _again: bool,
) -> BoxFuture<'_, Result<Vec<bool>, StoreError>> {
    async move { finish(&session, endings).await }.boxed()
}

/// All of it whole or not at all. An earlier attempt may have succeeded without our hearing of it: then there is nothing
/// more to write.
async fn finish(client: &ClientWrapper, endings: &[Ending]) -> Result<Vec<bool>, StoreError> {
    let mut seen = HashSet::new();
    // One execution whose end is written twice: the second finds that the lease is gone.
    let once: Vec<&Ending> = endings.iter().filter(|ending| seen.insert(ending.lease.id)).collect();
    let mut held: HashSet<Uuid> = write(client, &once).await?.into_iter().collect();
    let rest: Vec<&Ending> = once.into_iter().filter(|ending| !held.contains(&ending.lease.id)).collect();
    held.extend(finished_before(client, &rest).await?);
    Ok(endings.iter().map(|ending| held.remove(&ending.lease.id)).collect())
}

/// Answers those whose lease held.
async fn write(client: &ClientWrapper, endings: &[&Ending]) -> Result<Vec<Uuid>, StoreError> {
    let of = |ending: &&Ending| vec![ending.lease.id; ending.events.len()];
    let executions: Vec<Uuid> = endings.iter().flat_map(of).collect();
    let events: Vec<&SystemEvent> = endings.iter().flat_map(|ending| &ending.events).collect();
    let (events, ends) = (batch::event_columns(&events), columns(endings));
    let mut values = batch::values(&events);
    values.push(&executions as &(dyn ToSql + Sync));
    values.extend(batch::values(&ends));
    let statement = client.prepare_cached(statements::FINISH_EXECUTIONS).await?;
    let rows = client.query(&statement, &values).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn columns<'a>(endings: &[&'a Ending]) -> Vec<batch::Column<'a>> {
    vec![
        batch::column(endings, |ending| ending.state().as_str()),
        batch::column(endings, Ending::result),
        batch::column(endings, Ending::error),
        batch::column(endings, |ending| ending.finished.steps.as_ref()),
        batch::column(endings, |ending| timestamp(ending.finished.finished_at)),
        batch::column(endings, |ending| ending.lease.id),
        batch::column(endings, |ending| big_integer(ending.lease.fence)),
    ]
}

async fn finished_before(client: &ClientWrapper, endings: &[&Ending]) -> Result<HashSet<Uuid>, StoreError> {
    let statement = client.prepare_cached(statements::IS_FINISHED).await?;
    let asked = endings.iter().map(async |ending| -> Result<Option<Uuid>, StoreError> {
        let (id, fence) = (ending.lease.id, big_integer(ending.lease.fence));
        let ended = timestamp(ending.finished.finished_at);
        let row = client.query_one(&statement, &[&id, &fence, &ending.state().as_str(), &ended]).await?;
        Ok(row.try_get::<_, bool>(0)?.then_some(id))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}
