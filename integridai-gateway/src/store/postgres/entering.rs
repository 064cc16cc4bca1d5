//! Executions that are handed in at the same time, without idempotency keys: as if one after the other.
use std::collections::HashMap;
use std::sync::Arc;

use deadpool_postgres::{GenericClient, Object};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::big_integer;
use super::sessions::{Session, Sessions};
use super::together::Together;
use super::{batch, execution_statements as statements, trip};
use crate::store::{Admission, Admitted, Execution, Priority, StoreError, cost};

/// What is handed in, and when.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) execution: Execution,
    pub(super) bounds: Admission,
    pub(super) now: OffsetDateTime,
}

impl Entry {
    /// Any other gets its rank once it is due.
    fn placed(&self) -> batch::Placed<'_> {
        (&self.execution, self.execution.run_at <= self.now)
    }
}

/// Those who hand something in.
#[derive(Debug)]
pub(super) struct Entrants(Arc<Together<Entry, Result<Admitted, StoreError>>>);

impl Entrants {
    pub(super) fn new() -> Self {
        Self(Together::new())
    }

    pub(super) async fn admit(
        &self,
        sessions: &Arc<Sessions>,
        runtime: &Handle,
        entry: Entry,
    ) -> Result<Admitted, StoreError> {
        let _turn = sessions.turn()?;
        let sessions = Arc::clone(sessions);
        let work = move |entries: Vec<Entry>| {
            let sessions = Arc::clone(&sessions);
            async move { sessions.for_all(&entries, in_session).await }
        };
        self.0.ask(runtime, entry, work).await?
    }
}

fn in_session(
    session: Session,
    entries: &[Entry],
    again: bool,
) -> BoxFuture<'_, Result<Vec<Admitted>, StoreError>> {
    async move { admit(&session, entries, again).await }.boxed()
}

/// In one transaction. With `again`, an earlier attempt may have succeeded without our hearing of it.
async fn admit(client: &Object, entries: &[Entry], again: bool) -> Result<Vec<Admitted>, StoreError> {
    let statement = client.prepare_cached(statements::ADMIT).await?;
    let (begun, answers) =
        tokio::join!(biased; trip::begin(client), enter_with(client, &statement, entries, again));
    let ended = trip::end(client).await;
    begun?;
    let answers = answers?;
    ended?;
    Ok(answers)
}

/// In a transaction that has the queue for itself.
pub(super) async fn enter(
    transaction: &impl GenericClient,
    entries: &[Entry],
    again: bool,
) -> Result<Vec<Admitted>, StoreError> {
    let statement = transaction.prepare_cached(statements::ADMIT).await?;
    enter_with(transaction, &statement, entries, again).await
}

/// Those that have the same bounds go together; they may differ for the moment in which they are changed.
async fn enter_with(
    client: &impl GenericClient,
    statement: &Statement,
    entries: &[Entry],
    again: bool,
) -> Result<Vec<Admitted>, StoreError> {
    let alike = entries.chunk_by(|one, next| one.bounds == next.bounds);
    // One after the other at the server, each seeing what the one before it has entered.
    let answers = join_all(alike.map(|entries| enter_alike(client, statement, entries, again))).await;
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

async fn enter_alike(
    client: &impl GenericClient,
    statement: &Statement,
    entries: &[Entry],
    again: bool,
) -> Result<Vec<Admitted>, StoreError> {
    let Some(Entry { bounds, .. }) = entries.first() else { return Ok(Vec::new()) };
    let columns = batch::execution_columns(&entries.iter().map(Entry::placed).collect::<Vec<_>>());
    let (most, most_of_principal) =
        (big_integer(bounds.max_queued), big_integer(bounds.max_queued_per_principal));
    let costs = Priority::ALL.map(cost).to_vec();
    let mut values = batch::values(&columns);
    values.extend([&again as &(dyn ToSql + Sync), &most, &most_of_principal, &costs]);
    let mut refused = HashMap::new();
    for row in client.query(statement, &values).await? {
        let (has_room, has_own_room): (bool, bool) = (row.try_get(1)?, row.try_get(2)?);
        if !has_room || !has_own_room {
            let refusal = if has_room { Admitted::PrincipalFull } else { Admitted::Full };
            refused.insert(row.try_get::<_, Uuid>(0)?, refusal);
        }
    }
    let answer = |entry: &Entry| refused.remove(&entry.execution.id).unwrap_or(Admitted::Accepted);
    Ok(entries.iter().map(answer).collect())
}
