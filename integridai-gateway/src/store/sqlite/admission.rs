//! Into the queue: the bounds, the idempotency key, the rank and the row, whole or not at all.
use rusqlite::{Connection, OptionalExtension, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::{Id, Timestamp, integer};
use super::execution_statements as statements;
use super::{executions, records};
use crate::store::{Admission, Admitted, Execution, ExecutionState, KeyAnswer, NewKey, Priority, next_rank};

pub(super) fn admit(
    connection: &Connection,
    execution: &Execution,
    admission: &Admission,
    key: Option<&NewKey>,
    now: OffsetDateTime,
) -> rusqlite::Result<Admitted> {
    if let Some(key) = key
        && let Some(answer) = repeated(connection, &execution.principal, key, now)?
    {
        return Ok(answer);
    }
    if let Some(refusal) = full(connection, &execution.principal, admission)? {
        return Ok(refusal);
    }
    if key.is_some() && !has_room_for_key(connection, &execution.principal, admission, now)? {
        return Ok(Admitted::KeysFull);
    }
    executions::whole(connection, || {
        if let Some(key) = key {
            insert_key(connection, execution, key, now)?;
        }
        insert(connection, execution, now)?;
        Ok(Admitted::Accepted)
    })
}

/// A key whose execution was removed for want of room is as one that was never seen.
fn repeated(
    connection: &Connection,
    principal: &str,
    key: &NewKey,
    now: OffsetDateTime,
) -> rusqlite::Result<Option<Admitted>> {
    let mut statement = connection.prepare_cached(statements::SELECT_KEY)?;
    let found = statement
        .query_row(params![principal, key.key, Timestamp(now)], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Id>(1)?.0, row.get::<_, KeyAnswer>(2)?))
        })
        .optional()?;
    let Some((fingerprint, id, answer)) = found else { return Ok(None) };
    if fingerprint != key.fingerprint {
        return Ok(Some(Admitted::KeyReused));
    }
    let execution = executions::by_id(connection, id)?;
    Ok(execution.map(|execution| Admitted::Repeated(Box::new(execution), answer)))
}

fn full(
    connection: &Connection,
    principal: &str,
    admission: &Admission,
) -> rusqlite::Result<Option<Admitted>> {
    let all = |statement: &str, most: u64| -> rusqlite::Result<bool> {
        Ok(most != u64::MAX && executions::count(connection, statement, [])? >= most)
    };
    let own = |statement: &str, most: u64| -> rusqlite::Result<bool> {
        Ok(most != u64::MAX && executions::count(connection, statement, [principal])? >= most)
    };
    if all(statements::COUNT_QUEUED, admission.max_queued)? {
        return Ok(Some(Admitted::Full));
    }
    if own(statements::COUNT_QUEUED_OF_PRINCIPAL, admission.max_queued_per_principal)? {
        return Ok(Some(Admitted::PrincipalFull));
    }
    Ok(None)
}

/// Keys that have expired take no room: where there is none, some are forgotten.
fn has_room_for_key(
    connection: &Connection,
    principal: &str,
    admission: &Admission,
    now: OffsetDateTime,
) -> rusqlite::Result<bool> {
    let most = admission.max_keys_per_principal;
    let count = || executions::count(connection, statements::COUNT_KEYS_OF_PRINCIPAL, [principal]);
    Ok(count()? < most || (forget_keys(connection, now, FORGOTTEN_FOR_ROOM)? > 0 && count()? < most))
}

const FORGOTTEN_FOR_ROOM: u64 = 500;

fn insert_key(
    connection: &Connection,
    execution: &Execution,
    key: &NewKey,
    now: OffsetDateTime,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(statements::INSERT_KEY)?.execute(params![
        execution.principal,
        key.key,
        key.fingerprint,
        Id(execution.id),
        key.answer,
        Timestamp(now),
        Timestamp(key.expires_at),
    ])
}

/// One that is due gets its rank now, any other once it is due.
fn insert(connection: &Connection, execution: &Execution, now: OffsetDateTime) -> rusqlite::Result<()> {
    let is_due = execution.run_at <= now;
    let rank = match is_due && execution.state == ExecutionState::Queued {
        true => Some(rank(connection, &execution.principal, execution.priority)?),
        false => None,
    };
    records::insert_execution(connection, execution, is_due, rank).map(drop)
}

pub(super) fn rank(connection: &Connection, principal: &str, priority: Priority) -> rusqlite::Result<i64> {
    let flow_end: Option<i64> = connection
        .prepare_cached(statements::FLOW_END)?
        .query_row(params![principal, priority], |row| row.get(0))?;
    let clock: Option<i64> = connection.prepare_cached(statements::CLOCK)?.query_row([], |row| row.get(0))?;
    Ok(next_rank(priority, flow_end, clock))
}

/// Puts one that was given up back into the queue, at the end of its flow.
pub(super) fn replay(
    connection: &Connection,
    id: Uuid,
    steps: &crate::store::JsonText,
    deadline_at: OffsetDateTime,
    now: OffsetDateTime,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(statements::SELECT_FLOW)?;
    let flow = statement
        .query_row([Id(id)], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Priority>(1)?)))
        .optional()?;
    let Some((principal, priority)) = flow else { return Ok(false) };
    let rank = rank(connection, &principal, priority)?;
    let changed = connection.prepare_cached(statements::REPLAY_EXECUTION)?.execute(params![
        Id(id),
        rank,
        Timestamp(now),
        Timestamp(deadline_at),
        steps
    ])?;
    Ok(changed > 0)
}

/// A few hundred keys that have expired; answers how many.
pub(super) fn forget_keys(
    connection: &Connection,
    now: OffsetDateTime,
    most: u64,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(statements::FORGET_KEYS)?.execute(params![Timestamp(now), integer(most)])
}

#[cfg(test)]
mod tests;
