//! The life of an execution, each change one statement and so all or nothing by itself.
use rusqlite::{Connection, OptionalExtension, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::{Id, Timestamp};
use super::records::read_execution;
use super::statements;
use crate::store::{Execution, ExecutionState, Finished, JsonText, Outcome};

pub(super) fn claim(connection: &Connection, now: OffsetDateTime) -> rusqlite::Result<Option<Execution>> {
    let mut statement = connection.prepare_cached(statements::CLAIM_EXECUTION)?;
    statement.query_row([Timestamp(now)], read_execution).optional()
}

/// Gives a claim back, unless somebody has claimed the execution anew.
pub(super) fn release(connection: &Connection, id: Uuid, attempts: u32) -> rusqlite::Result<bool> {
    let changed =
        connection.prepare_cached(statements::RELEASE_EXECUTION)?.execute(params![Id(id), attempts])?;
    Ok(changed > 0)
}

pub(super) fn save_steps(connection: &Connection, id: Uuid, steps: &JsonText) -> rusqlite::Result<bool> {
    let changed = connection.prepare_cached(statements::SAVE_STEPS)?.execute(params![Id(id), steps])?;
    Ok(changed > 0)
}

pub(super) fn finish(connection: &Connection, id: Uuid, finished: &Finished) -> rusqlite::Result<bool> {
    let (state, result, error) = match &finished.outcome {
        Outcome::Succeeded { result } => (ExecutionState::Succeeded, Some(result), None),
        Outcome::Failed { error, result } => (ExecutionState::Failed, result.as_ref(), Some(error)),
    };
    let mut statement = connection.prepare_cached(statements::FINISH_EXECUTION)?;
    let ended = Timestamp(finished.finished_at);
    Ok(statement.execute(params![Id(id), state, result, error, finished.steps, ended])? > 0)
}

pub(super) fn requeue_running(connection: &Connection) -> rusqlite::Result<u64> {
    let changed = connection.prepare_cached(statements::REQUEUE_RUNNING)?.execute([])?;
    Ok(changed as u64)
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Execution>> {
    let mut statement = connection.prepare_cached(statements::SELECT_EXECUTION)?;
    statement.query_row([Id(id)], read_execution).optional()
}

pub(super) fn queued(connection: &Connection) -> rusqlite::Result<u64> {
    let count =
        connection.prepare_cached(statements::COUNT_QUEUED)?.query_row([], |row| row.get::<_, i64>(0))?;
    Ok(count.unsigned_abs())
}
