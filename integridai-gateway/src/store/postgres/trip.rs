//! A transaction whose beginning and statements go to the server together, so that the queue is held for hardly longer than the
//! server works.
//!
//! They are asked for in the same `join!`, which sends them in their order and hears all answers; the end is sent once those are
//! there, whatever they are. Where one has failed, the server refuses those behind it, and makes of the end a rollback. Of what
//! nobody waits for any longer the end is never sent: its [session](super::sessions::Session) rolls it back.
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
