//! The schema, and the way to it from every earlier version.
use deadpool_postgres::{ClientWrapper, Transaction};

use super::{execution_statements, statements};
use crate::store::StoreError;

/// "integrid": what gateways lock in a database while they change its schema.
const SCHEMA_LOCK: i64 = 0x696e_7465_6772_6964;

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

/// Brings the database to the newest version, all steps in one transaction; or, without `may_change`, only checks.
pub(super) async fn migrate(
    client: &mut ClientWrapper,
    database: &str,
    may_change: bool,
) -> Result<(), StoreError> {
    let known = STEPS.len() as u32;
    let transaction = client.transaction().await?;
    // Migrations may take their time.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    transaction.query_one(statements::LOCK_SCHEMA, &[&SCHEMA_LOCK]).await?;
    let found = version(&transaction).await?;
    if found > known {
        return Err(StoreError::TooNew { database: database.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    if !may_change {
        return Err(StoreError::TooOld { database: database.to_owned(), found, known });
    }
    transaction.batch_execute(statements::MAKE_SCHEMA).await?;
    for step in &STEPS[found as usize..] {
        transaction.batch_execute(step).await?;
    }
    transaction.execute(statements::WRITE_VERSION, &[&(known as i32)]).await?;
    transaction.commit().await?;
    tracing::info!(from = found, to = known, "the schema of the database was brought up to date");
    Ok(())
}

/// Prepares every statement, so that a schema that does not fit shows at the start.
pub(super) async fn check(client: &ClientWrapper) -> Result<(), StoreError> {
    for statement in statements::ALL.into_iter().chain(execution_statements::ALL) {
        client.prepare(statement).await?;
    }
    Ok(())
}

/// 0 where there is no schema yet.
async fn version(transaction: &Transaction<'_>) -> Result<u32, StoreError> {
    if !transaction.query_one(statements::HAS_SCHEMA, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let row = transaction.query_opt(statements::READ_VERSION, &[]).await?;
    let version: i32 = row.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(version.unsigned_abs())
}
