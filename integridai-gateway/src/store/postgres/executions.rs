//! The life of an execution, each change one statement and so all or nothing by itself. Every write of its worker is
//! fenced by the claim that it holds.
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Transaction};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{big_integer, state_of, text, timestamp};
use super::{execution_statements as statements, rows};
use crate::store::{Cancellation, Execution, ExecutionState, Heartbeat, JsonText, Lease, StoreError};

/// Whether an attempt whose answer was lost accepted it.
pub(super) async fn is_accepted(
    transaction: &Transaction<'_>,
    execution: &Execution,
) -> Result<bool, StoreError> {
    let statement = transaction.prepare_cached(statements::IS_ACCEPTED).await?;
    let created = timestamp(execution.created_at);
    let row = transaction.query_one(&statement, &[&execution.id, &execution.workflow, &created]).await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn is_there(transaction: &Transaction<'_>, id: Uuid) -> Result<bool, StoreError> {
    let statement = transaction.prepare_cached(statements::IS_THERE).await?;
    Ok(transaction.query_one(&statement, &[&id]).await?.try_get(0)?)
}

pub(super) async fn until_due(client: &ClientWrapper) -> Result<Option<Duration>, StoreError> {
    let statement = client.prepare_cached(statements::UNTIL_DUE).await?;
    let seconds: Option<f64> = client.query_one(&statement, &[]).await?.try_get(0)?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

pub(super) async fn heartbeat(
    client: &ClientWrapper,
    lease: Lease,
    length: Duration,
) -> Result<Heartbeat, StoreError> {
    let statement = client.prepare_cached(statements::HEARTBEAT).await?;
    let values: [&(dyn ToSql + Sync); 3] = [&lease.id, &big_integer(lease.fence), &length.as_secs_f64()];
    let Some(row) = client.query_opt(&statement, &values).await? else { return Ok(Heartbeat::Lost) };
    Ok(if row.try_get(0)? { Heartbeat::CancelRequested } else { Heartbeat::Held })
}

/// Gives a claim back, unless somebody has claimed the execution anew.
pub(super) async fn release(client: &ClientWrapper, lease: Lease) -> Result<bool, StoreError> {
    change(client, statements::RELEASE_EXECUTION, &[&lease.id, &big_integer(lease.fence)]).await
}

pub(super) async fn save_steps(
    client: &ClientWrapper,
    lease: Lease,
    steps: &JsonText,
) -> Result<bool, StoreError> {
    change(client, statements::SAVE_STEPS, &[&lease.id, &big_integer(lease.fence), steps]).await
}

pub(super) async fn retry(
    client: &ClientWrapper,
    lease: Lease,
    at: OffsetDateTime,
    steps: &JsonText,
    error: &JsonText,
) -> Result<bool, StoreError> {
    let fence = big_integer(lease.fence);
    change(client, statements::RETRY_EXECUTION, &[&lease.id, &fence, &timestamp(at), steps, error]).await
}

async fn change(
    client: &ClientWrapper,
    statement: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<bool, StoreError> {
    let statement = client.prepare_cached(statement).await?;
    Ok(client.execute(&statement, values).await? > 0)
}

pub(super) async fn cancel(
    client: &ClientWrapper,
    id: Uuid,
    error: &JsonText,
    now: OffsetDateTime,
) -> Result<Cancellation, StoreError> {
    let statement = client.prepare_cached(statements::CANCEL).await?;
    let row = client.query_opt(&statement, &[&id, error, &timestamp(now)]).await?;
    let Some(row) = row else { return Ok(Cancellation::Unknown) };
    Ok(match state_of(row.try_get(0)?).ok_or_else(|| rows::unknown("state"))? {
        ExecutionState::Queued => Cancellation::Cancelled,
        ExecutionState::Running => Cancellation::Requested,
        ended => Cancellation::Ended(ended),
    })
}

pub(super) async fn by_id(client: &ClientWrapper, id: Uuid) -> Result<Option<Execution>, StoreError> {
    let statement = client.prepare_cached(statements::SELECT_EXECUTION).await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    row.as_ref().map(rows::execution).transpose()
}

pub(super) async fn of_correlation(client: &ClientWrapper, id: &str, most: u64) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(statements::COUNT_OF_CORRELATION).await?;
    let count: i64 =
        client.query_one(&statement, &[&text(id, usize::MAX), &big_integer(most)]).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}

pub(super) async fn queued(client: &ClientWrapper) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(statements::COUNT_QUEUED).await?;
    let count: i64 = client.query_one(&statement, &[]).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}

pub(super) async fn longest_wait(client: &ClientWrapper) -> Result<Option<Duration>, StoreError> {
    let statement = client.prepare_cached(statements::LONGEST_WAIT).await?;
    let Some(row) = client.query_opt(&statement, &[]).await? else { return Ok(None) };
    let seconds: f64 = row.try_get(0)?;
    Ok(Some(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}
