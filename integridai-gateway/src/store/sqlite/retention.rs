//! Removes what is older than the retention, a few hundred rows at a time.
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};
use time::OffsetDateTime;

use super::columns::{Id, Timestamp};
use super::{admission, statements};
use crate::store::arrival;

const ROWS: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done,
}

impl Progress {
    fn after(removed: usize) -> Self {
        if removed == ROWS { Self::More } else { Self::Done }
    }
}

pub(super) fn prune(
    connection: &mut Connection,
    now: OffsetDateTime,
    retention: Duration,
) -> rusqlite::Result<Progress> {
    let forgotten = admission::forget_keys(connection, now, ROWS as u64)?;
    let oldest = time::Duration::try_from(retention).ok().and_then(|age| now.checked_sub(age));
    // A retention longer than the calendar keeps everything.
    let Some(oldest) = oldest else { return Ok(Progress::after(forgotten)) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut progress = Progress::after(forgotten);
    if prune_events(&transaction, oldest, ROWS)? == ROWS {
        progress = Progress::More;
    }
    for statement in statements::PRUNE {
        let removed =
            transaction.prepare_cached(statement)?.execute(params![Timestamp(oldest), ROWS as i64])?;
        if removed == ROWS {
            progress = Progress::More;
        }
    }
    transaction.commit()?;
    Ok(progress)
}

/// Of so many events that have been there the longest, those that came by then.
pub(super) fn prune_events(
    connection: &Connection,
    newest: OffsetDateTime,
    limit: usize,
) -> rusqlite::Result<usize> {
    let bounds = params![Id(arrival::last_id(newest)), Timestamp(newest), limit as i64];
    connection.prepare_cached(statements::PRUNE_EVENTS)?.execute(bounds)
}
