//! Into the queue with an idempotency key: the bounds, the key, the rank and the row, whole or not at all.
use std::borrow::Cow;

use deadpool_postgres::{ClientWrapper, Transaction};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::columns::{answer_of, big_integer, priority as priority_number, text, timestamp};
use super::entering::{self, Entry};
use super::execution_statements as statements;
use super::{executions, rows};
use crate::store::{Admitted, JsonText, NewKey, Priority, StoreError, next_rank};

/// What is handed in, under which key, and whether an earlier attempt may have succeeded without our hearing of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrant<'a> {
    pub(super) entry: &'a Entry,
    pub(super) key: &'a NewKey,
    pub(super) again: bool,
}

impl Entrant<'_> {
    fn principal(&self) -> Cow<'_, str> {
        text(&self.entry.execution.principal, usize::MAX)
    }
}

/// What is dropped on the way is rolled back.
pub(super) async fn admit(client: &mut ClientWrapper, entrant: Entrant<'_>) -> Result<Admitted, StoreError> {
    let transaction = client.transaction().await?;
    let (select, full) = tokio::try_join!(
        transaction.prepare_cached(statements::SELECT_KEY),
        transaction.prepare_cached(statements::ARE_KEYS_FULL),
    )?;
    // In one trip, in their order.
    let (locked, found, are_full) = tokio::join!(
        transaction.batch_execute(statements::LOCK_QUEUE),
        find_key(&transaction, &select, entrant),
        are_keys_full(&transaction, &full, entrant),
    );
    locked?;
    let mut are_full = are_full?;
    if entrant.again && executions::is_accepted(&transaction, &entrant.entry.execution).await? {
        return Ok(Admitted::Accepted);
    }
    if let Some(found) = found?
        && let Some(answer) = repeated(&transaction, entrant.key, &found).await?
    {
        return Ok(answer);
    }
    // Keys that have expired take no room.
    if are_full && forget_keys(&transaction, entrant).await? > 0 {
        are_full = are_keys_full(&transaction, &full, entrant).await?;
    }
    let (entered, kept) = tokio::join!(
        entering::enter(&transaction, std::slice::from_ref(entrant.entry), false),
        insert_key(&transaction, entrant),
    );
    let admitted = entered?.pop().ok_or(StoreError::Conflict)?;
    kept?;
    match admitted {
        Admitted::Accepted if are_full => Ok(Admitted::KeysFull),
        Admitted::Accepted => {
            transaction.commit().await?;
            Ok(admitted)
        }
        refusal => Ok(refusal),
    }
}

async fn find_key(
    transaction: &Transaction<'_>,
    statement: &Statement,
    entrant: Entrant<'_>,
) -> Result<Option<Row>, StoreError> {
    let (name, now) = (text(&entrant.key.key, usize::MAX), timestamp(entrant.entry.now));
    Ok(transaction.query_opt(statement, &[&entrant.principal(), &name, &now]).await?)
}

async fn are_keys_full(
    transaction: &Transaction<'_>,
    statement: &Statement,
    entrant: Entrant<'_>,
) -> Result<bool, StoreError> {
    let most = big_integer(entrant.entry.bounds.max_keys_per_principal);
    let row = transaction.query_one(statement, &[&entrant.principal(), &most]).await?;
    Ok(row.try_get(0)?)
}

const FORGOTTEN_FOR_ROOM: i64 = 500;

async fn forget_keys(transaction: &Transaction<'_>, entrant: Entrant<'_>) -> Result<u64, StoreError> {
    let statement = transaction.prepare_cached(statements::FORGET_KEYS_OF).await?;
    let now = timestamp(entrant.entry.now);
    Ok(transaction.execute(&statement, &[&entrant.principal(), &now, &FORGOTTEN_FOR_ROOM]).await?)
}

/// A key whose execution was removed is as one that was never seen.
async fn repeated(
    transaction: &Transaction<'_>,
    key: &NewKey,
    found: &Row,
) -> Result<Option<Admitted>, StoreError> {
    if found.try_get::<_, &str>(0)? != key.fingerprint {
        return Ok(Some(Admitted::KeyReused));
    }
    let answer = answer_of(found.try_get(2)?).ok_or_else(|| rows::unknown("answer"))?;
    let statement = transaction.prepare_cached(statements::SELECT_EXECUTION).await?;
    let row = transaction.query_opt(&statement, &[&found.try_get::<_, Uuid>(1)?]).await?;
    let execution = row.as_ref().map(rows::execution).transpose()?;
    Ok(execution.map(|execution| Admitted::Repeated(Box::new(execution), answer)))
}

async fn insert_key(transaction: &Transaction<'_>, entrant: Entrant<'_>) -> Result<(), StoreError> {
    let statement = transaction.prepare_cached(statements::INSERT_KEY).await?;
    let Entrant { entry, key, .. } = entrant;
    let name = text(&key.key, usize::MAX);
    let (answer, now, expires_at) = (key.answer.as_str(), timestamp(entry.now), timestamp(key.expires_at));
    let values: [&(dyn ToSql + Sync); 7] =
        [&entrant.principal(), &name, &key.fingerprint, &entry.execution.id, &answer, &now, &expires_at];
    transaction.execute(&statement, &values).await?;
    Ok(())
}

/// At the end of a flow.
async fn rank(transaction: &Transaction<'_>, principal: &str, priority: Priority) -> Result<i64, StoreError> {
    let statement = transaction.prepare_cached(statements::FLOW_END_AND_CLOCK).await?;
    let principal = text(principal, usize::MAX);
    let row = transaction.query_one(&statement, &[&principal, &priority_number(priority)]).await?;
    Ok(next_rank(priority, row.try_get(0)?, row.try_get(1)?))
}

/// A transaction that has the queue for itself.
pub(super) async fn begin(client: &mut ClientWrapper) -> Result<Transaction<'_>, StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(statements::LOCK_QUEUE).await?;
    Ok(transaction)
}

/// Puts one that was given up back into the queue, at the end of its flow.
pub(super) async fn replay(
    client: &mut ClientWrapper,
    id: Uuid,
    steps: &JsonText,
    deadline_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let transaction = begin(client).await?;
    let statement = transaction.prepare_cached(statements::SELECT_FLOW).await?;
    let Some(flow) = transaction.query_opt(&statement, &[&id]).await? else { return Ok(false) };
    let rank = rank(&transaction, flow.try_get(0)?, rows::priority(&flow, 1)?).await?;
    let statement = transaction.prepare_cached(statements::REPLAY_EXECUTION).await?;
    let (now, deadline) = (timestamp(now), timestamp(deadline_at));
    let changed = transaction.execute(&statement, &[&id, &rank, &now, &deadline, steps]).await?;
    transaction.commit().await?;
    Ok(changed > 0)
}
