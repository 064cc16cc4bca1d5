//! The life of an execution, each change one statement and so all or nothing by itself.
use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::timestamp;
use super::{batch, rows, statements};
use crate::store::{Execution, ExecutionState, Finished, JsonText, Outcome, StoreError};

/// With `again`, an earlier attempt may have succeeded without our hearing of it.
pub(super) async fn accept(
    client: &ClientWrapper,
    execution: &Execution,
    again: bool,
) -> Result<(), StoreError> {
    if batch::insert_execution(client, execution).await? {
        return Ok(());
    }
    if again {
        let statement = client.prepare_cached(statements::IS_ACCEPTED).await?;
        let created = timestamp(execution.created_at);
        let row = client.query_one(&statement, &[&execution.id, &execution.workflow, &created]).await?;
        if row.try_get(0)? {
            return Ok(());
        }
    }
    Err(StoreError::Conflict)
}

pub(super) async fn claim(
    client: &ClientWrapper,
    now: OffsetDateTime,
) -> Result<Option<Execution>, StoreError> {
    let statement = client.prepare_cached(statements::CLAIM_EXECUTION).await?;
    let row = client.query_opt(&statement, &[&timestamp(now)]).await?;
    row.as_ref().map(rows::execution).transpose()
}

/// Gives a claim back, unless somebody has claimed the execution anew.
pub(super) async fn release(client: &ClientWrapper, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
    let statement = client.prepare_cached(statements::RELEASE_EXECUTION).await?;
    Ok(client.execute(&statement, &[&id, &i64::from(attempts)]).await? > 0)
}

pub(super) async fn save_steps(
    client: &ClientWrapper,
    id: Uuid,
    steps: &JsonText,
) -> Result<bool, StoreError> {
    let statement = client.prepare_cached(statements::SAVE_STEPS).await?;
    Ok(client.execute(&statement, &[&id, steps]).await? > 0)
}

/// With `again`, an earlier attempt may have succeeded without our hearing of it.
pub(super) async fn finish(
    client: &ClientWrapper,
    id: Uuid,
    finished: &Finished,
    again: bool,
) -> Result<bool, StoreError> {
    let (state, result, error) = match &finished.outcome {
        Outcome::Succeeded { result } => (ExecutionState::Succeeded, Some(result), None),
        Outcome::Failed { error, result } => (ExecutionState::Failed, result.as_ref(), Some(error)),
    };
    let (state, ended) = (state.as_str(), timestamp(finished.finished_at));
    let statement = client.prepare_cached(statements::FINISH_EXECUTION).await?;
    let changed =
        client.execute(&statement, &[&id, &state, &result, &error, &finished.steps, &ended]).await? > 0;
    if changed || !again {
        return Ok(changed);
    }
    let statement = client.prepare_cached(statements::IS_FINISHED).await?;
    Ok(client.query_one(&statement, &[&id, &state, &ended]).await?.try_get(0)?)
}

pub(super) async fn requeue_running(client: &ClientWrapper) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(statements::REQUEUE_RUNNING).await?;
    Ok(client.execute(&statement, &[]).await?)
}

pub(super) async fn by_id(client: &ClientWrapper, id: Uuid) -> Result<Option<Execution>, StoreError> {
    let statement = client.prepare_cached(statements::SELECT_EXECUTION).await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    row.as_ref().map(rows::execution).transpose()
}

pub(super) async fn queued(client: &ClientWrapper) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(statements::COUNT_QUEUED).await?;
    let count: i64 = client.query_one(&statement, &[]).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}
