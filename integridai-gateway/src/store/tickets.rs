//! Credentials that are good once, for a short time, at every gateway.
use std::time::Duration;

use super::backend::Backend;
use super::{JsonText, Store, StoreError};

/// A ticket on its way to whoever asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    /// Tells it from others; the ticket itself is kept nowhere.
    pub digest: String,
    /// Whose bound it counts against.
    pub principal: String,
    /// What whoever comes with it is told.
    pub facts: JsonText,
    /// For how long it is good.
    pub lifetime: Duration,
}

impl Store {
    /// Keeps a ticket, unless `most` of its principal are open. `false`: it was not kept. Of a PostgreSQL it is the server's clock
    /// by which a ticket ends.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn keep_ticket(&self, ticket: NewTicket, most: u64) -> Result<bool, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.keep_ticket(ticket, most).await,
            Backend::Postgres(database) => database.keep_ticket(ticket, most).await,
        }
    }

    /// Uses a ticket up: of all who come with it, at whichever gateway, one gets its facts.
    ///
    /// # Errors
    /// When that could not be stored.
    pub async fn take_ticket(&self, digest: String) -> Result<Option<JsonText>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.take_ticket(digest).await,
            Backend::Postgres(database) => database.take_ticket(digest).await,
        }
    }
}
