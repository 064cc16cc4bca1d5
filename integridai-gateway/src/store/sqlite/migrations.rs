//! The schema, and the way to it from every earlier version.
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// "IGAI": tells our files from those of other programs.
const APPLICATION_ID: i32 = 0x4947_4149;

/// The step at index `n` leads from version `n` to `n + 1`. Steps are only ever added.
const STEPS: [&str; 8] = [
    include_str!("migrations/1_tables.sql"),
    include_str!("migrations/2_event_cursor.sql"),
    include_str!("migrations/3_executions.sql"),
    include_str!("migrations/4_lists.sql"),
    include_str!("migrations/5_key_counts.sql"),
    include_str!("migrations/6_tickets.sql"),
    include_str!("migrations/7_event_owners.sql"),
    include_str!("migrations/8_traces.sql"),
];

/// Brings the file to the newest version, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version = current(connection, path)?;
    for (index, step) in STEPS.iter().enumerate().skip(version as usize) {
        apply(connection, index + 1, step).map_err(|error| failed(path, error))?;
    }
    Ok(())
}

fn current(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let (application_id, found, objects) = identify(connection).map_err(|error| failed(path, error))?;
    let empty = application_id == 0 && found == 0 && objects == 0;
    if application_id != APPLICATION_ID && !empty {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = STEPS.len() as u32;
    if found > known {
        return Err(StoreError::TooNew { database: path.display().to_string(), found, known });
    }
    Ok(found)
}

fn identify(connection: &Connection) -> rusqlite::Result<(i32, u32, i64)> {
    Ok((
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    ))
}

fn apply(connection: &mut Connection, version: usize, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version as i64)?;
    transaction.commit()
}

fn failed(path: &Path, error: rusqlite::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), source: Arc::new(error) }
}
