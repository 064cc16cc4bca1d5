//! Removes what is older than the retention, and idempotency keys that have expired, a thousand rows at a time.
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;

use super::columns::timestamp;
use super::{execution_statements, statements};
use crate::store::{StoreError, arrival};

const ROWS: i64 = 1_000;
/// "prunerow": held by the one gateway that prunes.
const PRUNE_LOCK: i64 = 0x7072_756e_6572_6f77;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done,
}

pub(super) async fn prune(
    client: &mut ClientWrapper,
    now: OffsetDateTime,
    retention: Duration,
) -> Result<Progress, StoreError> {
    // A retention longer than the calendar keeps everything.
    let oldest = time::Duration::try_from(retention).ok().and_then(|age| now.checked_sub(age));
    let transaction = client.transaction().await?;
    let statement = transaction.prepare_cached(statements::MAY_PRUNE).await?;
    if !transaction.query_one(&statement, &[&PRUNE_LOCK]).await?.try_get::<_, bool>(0)? {
        return Ok(Progress::Done);
    }
    let mut progress = Progress::Done;
    if let Some(oldest) = oldest {
        let statement = transaction.prepare_cached(statements::PRUNE_EVENTS).await?;
        let removed =
            transaction.execute(&statement, &[&arrival::last_id(oldest), &timestamp(oldest), &ROWS]).await?;
        if removed >= ROWS.unsigned_abs() {
            progress = Progress::More;
        }
    }
    let logs = statements::PRUNE.into_iter().filter_map(|statement| Some((statement, oldest?)));
    for (statement, oldest) in logs.chain([(execution_statements::FORGET_KEYS, now)]) {
        let statement = transaction.prepare_cached(statement).await?;
        if transaction.execute(&statement, &[&timestamp(oldest), &ROWS]).await? >= ROWS.unsigned_abs() {
            progress = Progress::More;
        }
    }
    transaction.commit().await?;
    Ok(progress)
}
