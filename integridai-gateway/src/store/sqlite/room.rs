//! Keeps room in a file whose size is bounded: its oldest rows give way to new ones.
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::Timestamp;
use super::{retention, statements};
use crate::store::arrival::arrived;

/// Rows removed before the file is measured again, so that large rows do not take many others with them.
const PORTION: usize = 20;
/// Portions in one transaction.
const PORTIONS: usize = 50;
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The bound, and what was removed to stay within it.
#[derive(Debug)]
pub(super) struct Room {
    max_pages: Option<u64>,
    next_check: Instant,
    next_report: Instant,
    unreported: usize,
}

/// What was removed at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) rows: usize,
    /// Whether the file is still fuller than it should be, and there may be more to remove.
    pub(super) more: bool,
}

impl Room {
    /// In a file of at most so many pages; `None`: as many as there may be.
    pub(super) fn new(max_pages: Option<u64>) -> Self {
        let now = Instant::now();
        Self { max_pages, next_check: now, next_report: now, unreported: 0 }
    }

    /// Whether it is time to measure the file, which is done once a second.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.max_pages.is_some() && self.next_check <= now
    }

    /// Removes the oldest rows, a thousand at most, while the file is fuller than seven eighths of the bound.
    pub(super) fn make(&mut self, connection: &mut Connection) -> rusqlite::Result<Removed> {
        let now = Instant::now();
        self.next_check = now + CHECK_INTERVAL;
        let Some(max) = self.max_pages else { return Ok(Removed::default()) };
        if !is_crowded(connection, max)? {
            return Ok(Removed::default());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = remove(&transaction, max)?;
        transaction.commit()?;
        self.report(removed.rows, now);
        Ok(removed)
    }

    fn report(&mut self, rows: usize, now: Instant) {
        self.unreported += rows;
        if self.unreported > 0 && self.next_report <= now {
            tracing::warn!(rows = self.unreported, "the database is full; its oldest rows were removed");
            self.unreported = 0;
            self.next_report = now + REPORT_INTERVAL;
        }
    }
}

fn is_crowded(connection: &Connection, max: u64) -> rusqlite::Result<bool> {
    let pages = |statement: &str| {
        connection.prepare_cached(statement)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let used = pages(statements::PAGES)?.saturating_sub(pages(statements::FREE_PAGES)?);
    Ok(used > max - max / 8)
}

fn remove(transaction: &Transaction<'_>, max: u64) -> rusqlite::Result<Removed> {
    let mut rows = 0;
    for _ in 0..PORTIONS {
        let removed = remove_portion(transaction)?;
        rows += removed;
        if removed == 0 || !is_crowded(transaction, max)? {
            return Ok(Removed { rows, more: false });
        }
    }
    Ok(Removed { rows, more: true })
}

/// Executions that have ended go only when no log row is left; those that have not ended never go.
fn remove_portion(connection: &Connection) -> rusqlite::Result<usize> {
    let [metrics, calls, executions] = statements::PRUNE;
    if let Some(newest) = newest_of_old_logs(connection)? {
        let events = retention::prune_events(connection, newest, PORTION)?;
        return Ok(events
            + remove_until(connection, metrics, newest)?
            + remove_until(connection, calls, newest)?);
    }
    let mut statement = connection.prepare_cached(statements::NEWEST_OF_OLD_EXECUTIONS)?;
    let newest: Option<Timestamp> = statement.query_row([PORTION as i64], |row| row.get(0))?;
    newest.map_or(Ok(0), |newest| remove_until(connection, executions, newest.0))
}

fn remove_until(connection: &Connection, statement: &str, newest: OffsetDateTime) -> rusqlite::Result<usize> {
    connection.prepare_cached(statement)?.execute(params![Timestamp(newest), PORTION as i64])
}

/// Of the log tables together, the newest row of a portion of the oldest.
fn newest_of_old_logs(connection: &Connection) -> rusqlite::Result<Option<OffsetDateTime>> {
    let (mut events, mut logs) = (
        connection.prepare_cached(statements::OLDEST_EVENTS)?,
        connection.prepare_cached(statements::OLDEST_LOGS)?,
    );
    let events = events.query_map([PORTION as i64], |row| {
        let id = Uuid::try_parse(&row.get::<_, String>(0)?).ok();
        Ok(arrived(id, row.get::<_, Timestamp>(1)?.0))
    })?;
    let logs = logs.query_map([PORTION as i64], |row| Ok(row.get::<_, Timestamp>(0)?.0))?;
    let mut moments = events.chain(logs).collect::<rusqlite::Result<Vec<_>>>()?;
    moments.sort_unstable();
    moments.truncate(PORTION);
    Ok(moments.pop())
}
