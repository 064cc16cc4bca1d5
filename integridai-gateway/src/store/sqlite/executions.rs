//! The life of an execution: every write of its worker is fenced by the claim that it holds.
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::admission;
use super::columns::{Id, Timestamp, clip, integer};
use super::execution_statements as statements;
use super::records::{self, read_execution};
use crate::store::{
    Cancellation, ClaimRules, Execution, ExecutionState, Finished, Heartbeat, JsonText, Lease, Outcome,
    Priority, SystemEvent,
};

/// How many executions one claim puts right before it looks: nobody waits long for it.
const SWEEP: i64 = 64;

pub(super) fn claim(
    connection: &Connection,
    now: OffsetDateTime,
    rules: &ClaimRules,
) -> rusqlite::Result<Option<Execution>> {
    sweep(connection, now)?;
    let until = now.checked_add(rules.lease.try_into().unwrap_or(time::Duration::MAX)).unwrap_or(now);
    let mut statement = connection.prepare_cached(statements::CLAIM_EXECUTION)?;
    let busy = (busy_principals(connection, rules)?, busy_workflows(connection, rules)?);
    let worker = clip(&rules.worker, 100);
    statement
        .query_row(params![Timestamp(now), worker, Timestamp(until), busy.0, busy.1], read_execution)
        .optional()
}

fn sweep(connection: &Connection, now: OffsetDateTime) -> rusqlite::Result<()> {
    let moment = Timestamp(now);
    connection.prepare_cached(statements::EXPIRE_LEASES)?.execute(params![moment, SWEEP])?;
    end_some_overdue(connection, now)?;
    let mut due = connection.prepare_cached(statements::DUE)?;
    let due = due.query_map(params![moment, SWEEP], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Priority>(2)?,
            row.get::<_, Option<i64>>(3)?,
        ))
    })?;
    // Read to its end first: the promotion changes what is read.
    for (row, principal, priority, rank) in due.collect::<rusqlite::Result<Vec<_>>>()? {
        let rank = match rank {
            Some(rank) => rank,
            None => admission::rank(connection, &principal, priority)?,
        };
        connection.prepare_cached(statements::PROMOTE)?.execute(params![row, rank])?;
    }
    Ok(())
}

/// Why one ended that nobody had begun in time.
const OVERDUE: &str = "the deadline passed before it could be done";

/// As many as there are.
pub(super) fn end_overdue(connection: &Connection, now: OffsetDateTime) -> rusqlite::Result<u64> {
    let mut all = 0;
    loop {
        let ended = end_some_overdue(connection, now)?;
        all += ended as u64;
        if (ended as i64) < SWEEP {
            return Ok(all);
        }
    }
}

fn end_some_overdue(connection: &Connection, now: OffsetDateTime) -> rusqlite::Result<usize> {
    let error = JsonText::from(serde_json::json!({ "status": 504, "detail": OVERDUE }));
    connection.prepare_cached(statements::EXPIRE_DEADLINES)?.execute(params![Timestamp(now), SWEEP, error])
}

fn busy_principals(connection: &Connection, rules: &ClaimRules) -> rusqlite::Result<JsonText> {
    if rules.max_running_per_principal == u64::MAX {
        return Ok(JsonText::empty_list());
    }
    let mut statement = connection.prepare_cached(statements::BUSY_PRINCIPALS)?;
    let busy = statement.query_map([integer(rules.max_running_per_principal)], |row| row.get(0))?;
    Ok(json(busy.collect::<rusqlite::Result<Vec<String>>>()?))
}

fn busy_workflows(connection: &Connection, rules: &ClaimRules) -> rusqlite::Result<JsonText> {
    if rules.max_running.is_empty() {
        return Ok(JsonText::empty_list());
    }
    let mut statement = connection.prepare_cached(statements::RUNNING_BY_WORKFLOW)?;
    let running = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let running = running.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_busy = |workflow: &str, count: i64| {
        rules.max_running.get(workflow).is_some_and(|most| count.unsigned_abs() >= *most)
    };
    let busy = running.into_iter().filter(|(workflow, count)| is_busy(workflow, *count));
    Ok(json(busy.map(|(workflow, _)| workflow).collect()))
}

fn json(names: Vec<String>) -> JsonText {
    JsonText::from(serde_json::Value::from(names))
}

pub(super) fn until_due(connection: &Connection) -> rusqlite::Result<Option<Duration>> {
    let mut statement = connection.prepare_cached(statements::NEXT_DUE)?;
    let moment: Option<Timestamp> = statement.query_row([], |row| row.get(0))?;
    let left = |moment: Timestamp| moment.0 - OffsetDateTime::now_utc();
    Ok(moment.map(|moment| left(moment).try_into().unwrap_or_default()))
}

pub(super) fn heartbeat(
    connection: &Connection,
    lease: Lease,
    length: Duration,
) -> rusqlite::Result<Heartbeat> {
    let until = OffsetDateTime::now_utc().saturating_add(length.try_into().unwrap_or(time::Duration::MAX));
    let mut statement = connection.prepare_cached(statements::HEARTBEAT)?;
    let found = statement
        .query_row(params![Id(lease.id), integer(lease.fence), Timestamp(until)], |row| row.get::<_, bool>(0))
        .optional()?;
    Ok(match found {
        None => Heartbeat::Lost,
        Some(true) => Heartbeat::CancelRequested,
        Some(false) => Heartbeat::Held,
    })
}

/// Gives a claim back, unless somebody has claimed the execution anew.
pub(super) fn release(connection: &Connection, lease: Lease) -> rusqlite::Result<bool> {
    change(connection, statements::RELEASE_EXECUTION, params![Id(lease.id), integer(lease.fence)])
}

pub(super) fn save_steps(connection: &Connection, lease: Lease, steps: &JsonText) -> rusqlite::Result<bool> {
    change(connection, statements::SAVE_STEPS, params![Id(lease.id), integer(lease.fence), steps])
}

pub(super) fn retry(
    connection: &Connection,
    lease: Lease,
    at: OffsetDateTime,
    steps: &JsonText,
    error: &JsonText,
) -> rusqlite::Result<bool> {
    let (id, fence) = (Id(lease.id), integer(lease.fence));
    change(connection, statements::RETRY_EXECUTION, params![id, fence, Timestamp(at), steps, error])
}

/// The end and the events that tell of it, whole or not at all.
pub(super) fn finish(
    connection: &Connection,
    lease: Lease,
    finished: &Finished,
    events: &[SystemEvent],
) -> rusqlite::Result<bool> {
    let (state, result, error) = match &finished.outcome {
        Outcome::Succeeded { result } => (ExecutionState::Succeeded, Some(result), None),
        Outcome::Failed { error, result } => (ExecutionState::Failed, result.as_ref(), Some(error)),
        Outcome::Cancelled { error } => (ExecutionState::Cancelled, None, Some(error)),
        Outcome::Dead { error } => (ExecutionState::Dead, None, Some(error)),
    };
    whole(connection, || {
        let (id, fence) = (Id(lease.id), integer(lease.fence));
        let ended = Timestamp(finished.finished_at);
        let values = params![id, fence, state, result, error, finished.steps, ended];
        let is_held = change(connection, statements::FINISH_EXECUTION, values)?;
        if is_held {
            events.iter().try_for_each(|event| records::insert_event(connection, event).map(drop))?;
        }
        Ok(is_held)
    })
}

pub(super) fn requeue_running(connection: &Connection) -> rusqlite::Result<u64> {
    let changed = connection.prepare_cached(statements::REQUEUE_RUNNING)?.execute([])?;
    Ok(changed as u64)
}

pub(super) fn cancel(
    connection: &Connection,
    id: Uuid,
    error: &JsonText,
    now: OffsetDateTime,
) -> rusqlite::Result<Cancellation> {
    let mut statement = connection.prepare_cached(statements::SELECT_STATE)?;
    let state: Option<ExecutionState> = statement.query_row([Id(id)], |row| row.get(0)).optional()?;
    Ok(match state {
        None => Cancellation::Unknown,
        Some(ExecutionState::Queued) => {
            change(connection, statements::CANCEL_QUEUED, params![Id(id), error, Timestamp(now)])?;
            Cancellation::Cancelled
        }
        Some(ExecutionState::Running) => {
            change(connection, statements::REQUEST_CANCEL, params![Id(id)])?;
            Cancellation::Requested
        }
        Some(ended) => Cancellation::Ended(ended),
    })
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Execution>> {
    let mut statement = connection.prepare_cached(statements::SELECT_EXECUTION)?;
    statement.query_row([Id(id)], read_execution).optional()
}

pub(super) fn queued(connection: &Connection) -> rusqlite::Result<u64> {
    count(connection, statements::COUNT_QUEUED, [])
}

pub(super) fn longest_wait(connection: &Connection) -> rusqlite::Result<Option<Duration>> {
    let now = OffsetDateTime::now_utc();
    let mut statement = connection.prepare_cached(statements::WAITS_SINCE)?;
    let since: Option<Timestamp> = statement.query_row([Timestamp(now)], |row| row.get(0)).optional()?;
    Ok(since.map(|since| (now - since.0).try_into().unwrap_or_default()))
}

pub(super) fn of_correlation(connection: &Connection, id: &str, most: u64) -> rusqlite::Result<u64> {
    count(connection, statements::COUNT_OF_CORRELATION, params![id, integer(most)])
}

pub(super) fn count(connection: &Connection, statement: &str, values: impl Params) -> rusqlite::Result<u64> {
    let count: i64 = connection.prepare_cached(statement)?.query_row(values, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn change(connection: &Connection, statement: &str, values: impl Params) -> rusqlite::Result<bool> {
    Ok(connection.prepare_cached(statement)?.execute(values)? > 0)
}

/// All of the work or nothing of it: others' work stands in the same transaction.
pub(super) fn whole<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let [begin, keep, undo] = statements::SAVEPOINT;
    connection.execute_batch(begin)?;
    let done = work();
    let end = if done.is_ok() { keep } else { undo };
    // A full disk may have rolled back the whole transaction, and the savepoint with it.
    if !connection.is_autocommit() {
        connection.execute_batch(end)?;
    }
    done
}
