//! A transaction that goes to the server and back once: its beginning, its statements and its end are on the way together, so
//! that the queue is held for as long as the server works and no longer.
//!
//! All of them are asked for in the same `join!`, which sends them in their order and hears all answers. Where one fails, the
//! server refuses those behind it, and makes of the end a rollback.
use deadpool_postgres::ClientWrapper;

use super::execution_statements as statements;
use crate::store::StoreError;

/// From here on the queue is this transaction's own.
pub(super) async fn begin(client: &ClientWrapper) -> Result<(), StoreError> {
    Ok(client.batch_execute(statements::BEGIN_WITH_QUEUE).await?)
}

pub(super) async fn end(client: &ClientWrapper) -> Result<(), StoreError> {
    Ok(client.batch_execute(statements::COMMIT).await?)
}
