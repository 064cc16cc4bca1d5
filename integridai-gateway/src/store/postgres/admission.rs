//! Into the queue with an idempotency key: the bounds, the key, the rank and the row, whole or not at all.
use deadpool_postgres::{ClientWrapper, Transaction};
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::columns::{answer_of, big_integer, priority as priority_number, text, timestamp};
use super::execution_statements as statements;
use super::{batch, executions, rows};
use crate::store::{
    Admission, Admitted, Execution, ExecutionState, JsonText, NewKey, Priority, StoreError, next_rank,
};

/// What is handed in, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrant<'a> {
    pub(super) execution: &'a Execution,
    pub(super) key: &'a NewKey,
    pub(super) now: OffsetDateTime,
    /// An earlier attempt may have succeeded without our hearing of it.
    pub(super) again: bool,
}

pub(super) async fn admit(
    client: &mut ClientWrapper,
    entrant: Entrant<'_>,
    bounds: &Admission,
) -> Result<Admitted, StoreError> {
    let (transaction, _) = begin(client).await?;
    let admitted = enter(&transaction, entrant, bounds).await?;
    if admitted == Admitted::Accepted {
        transaction.commit().await?;
    }
    Ok(admitted)
}

/// In a transaction that has the queue for itself.
pub(super) async fn enter(
    transaction: &Transaction<'_>,
    entrant: Entrant<'_>,
    bounds: &Admission,
) -> Result<Admitted, StoreError> {
    if entrant.again && executions::is_accepted(transaction, entrant.execution).await? {
        return Ok(Admitted::Accepted);
    }
    if let Some(answer) = repeated(transaction, entrant).await? {
        return Ok(answer);
    }
    let mut refusal = full(transaction, entrant, bounds).await?;
    // Keys that have expired take no room.
    if refusal == Some(Admitted::KeysFull) && forget_keys(transaction, entrant.now).await? > 0 {
        refusal = full(transaction, entrant, bounds).await?;
    }
    if let Some(refusal) = refusal {
        return Ok(refusal);
    }
    insert(transaction, entrant).await?;
    Ok(Admitted::Accepted)
}

/// A transaction that has the queue for itself, and since when, by the server's clock.
pub(super) async fn begin(
    client: &mut ClientWrapper,
) -> Result<(Transaction<'_>, PrimitiveDateTime), StoreError> {
    let transaction = client.transaction().await?;
    let lock = transaction.prepare_cached(statements::LOCK_QUEUE).await?;
    let now = transaction.query_one(&lock, &[]).await?.try_get(1)?;
    Ok((transaction, now))
}

/// A key whose execution was removed is as one that was never seen.
async fn repeated(
    transaction: &Transaction<'_>,
    entrant: Entrant<'_>,
) -> Result<Option<Admitted>, StoreError> {
    let key = entrant.key;
    let statement = transaction.prepare_cached(statements::SELECT_KEY).await?;
    let (principal, name) = (text(&entrant.execution.principal, usize::MAX), text(&key.key, usize::MAX));
    let found = transaction.query_opt(&statement, &[&principal, &name, &timestamp(entrant.now)]).await?;
    let Some(found) = found else { return Ok(None) };
    if found.try_get::<_, &str>(0)? != key.fingerprint {
        return Ok(Some(Admitted::KeyReused));
    }
    let answer = answer_of(found.try_get(2)?).ok_or_else(|| rows::unknown("answer"))?;
    let statement = transaction.prepare_cached(statements::SELECT_EXECUTION).await?;
    let row = transaction.query_opt(&statement, &[&found.try_get::<_, Uuid>(1)?]).await?;
    let execution = row.as_ref().map(rows::execution).transpose()?;
    Ok(execution.map(|execution| Admitted::Repeated(Box::new(execution), answer)))
}

async fn full(
    transaction: &Transaction<'_>,
    entrant: Entrant<'_>,
    bounds: &Admission,
) -> Result<Option<Admitted>, StoreError> {
    let statement = transaction.prepare_cached(statements::IS_FULL).await?;
    let row = transaction
        .query_one(
            &statement,
            &[
                &text(&entrant.execution.principal, usize::MAX),
                &big_integer(bounds.max_queued),
                &big_integer(bounds.max_queued_per_principal),
                &big_integer(bounds.max_keys_per_principal),
            ],
        )
        .await?;
    let refusals = [Admitted::Full, Admitted::PrincipalFull, Admitted::KeysFull];
    for (column, refusal) in refusals.into_iter().enumerate() {
        if row.try_get(column)? {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

const FORGOTTEN_FOR_ROOM: i64 = 500;

async fn forget_keys(transaction: &Transaction<'_>, now: OffsetDateTime) -> Result<u64, StoreError> {
    let statement = transaction.prepare_cached(statements::FORGET_KEYS).await?;
    Ok(transaction.execute(&statement, &[&timestamp(now), &FORGOTTEN_FOR_ROOM]).await?)
}

/// One that is due gets its rank now, any other once it is due.
async fn insert(transaction: &Transaction<'_>, entrant: Entrant<'_>) -> Result<(), StoreError> {
    let Entrant { execution, key, now, .. } = entrant;
    insert_key(transaction, execution, key, now).await?;
    let is_due = execution.run_at <= now;
    let rank = match is_due && execution.state == ExecutionState::Queued {
        true => Some(rank(transaction, &execution.principal, execution.priority).await?),
        false => None,
    };
    batch::insert_executions(transaction, &[(execution, is_due, rank)]).await
}

async fn insert_key(
    transaction: &Transaction<'_>,
    execution: &Execution,
    key: &NewKey,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let statement = transaction.prepare_cached(statements::INSERT_KEY).await?;
    let (principal, name) = (text(&execution.principal, usize::MAX), text(&key.key, usize::MAX));
    let (answer, expires_at) = (key.answer.as_str(), timestamp(key.expires_at));
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&principal, &name, &key.fingerprint, &execution.id, &answer, &timestamp(now), &expires_at];
    transaction.execute(&statement, &values).await?;
    Ok(())
}

pub(super) async fn rank(
    transaction: &Transaction<'_>,
    principal: &str,
    priority: Priority,
) -> Result<i64, StoreError> {
    let statement = transaction.prepare_cached(statements::FLOW_END_AND_CLOCK).await?;
    let principal = text(principal, usize::MAX);
    let row = transaction.query_one(&statement, &[&principal, &priority_number(priority)]).await?;
    Ok(next_rank(priority, row.try_get(0)?, row.try_get(1)?))
}

/// Puts one that was given up back into the queue, at the end of its flow.
pub(super) async fn replay(
    client: &mut ClientWrapper,
    id: Uuid,
    steps: &JsonText,
    deadline_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let (transaction, _) = begin(client).await?;
    let statement = transaction.prepare_cached(statements::SELECT_FLOW).await?;
    let Some(flow) = transaction.query_opt(&statement, &[&id]).await? else { return Ok(false) };
    let rank = rank(&transaction, flow.try_get(0)?, rows::priority(&flow, 1)?).await?;
    let statement = transaction.prepare_cached(statements::REPLAY_EXECUTION).await?;
    let (now, deadline) = (timestamp(now), timestamp(deadline_at));
    let changed = transaction.execute(&statement, &[&id, &rank, &now, &deadline, steps]).await?;
    transaction.commit().await?;
    Ok(changed > 0)
}
