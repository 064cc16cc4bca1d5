//! Tickets: kept, and used up by whoever takes one first.
use rusqlite::{OptionalExtension, params};
use time::OffsetDateTime;

use super::columns::{Timestamp, integer};
use super::{Database, statements};
use crate::store::tickets::NewTicket;
use crate::store::{JsonText, StoreError};

/// Of those that have ended, how many go with each new one.
const FORGOTTEN: i64 = 100;

impl Database {
    pub(in crate::store) async fn keep_ticket(
        &self,
        ticket: NewTicket,
        most: u64,
    ) -> Result<bool, StoreError> {
        let now = OffsetDateTime::now_utc();
        let expires_at = now.checked_add(time::Duration::try_from(ticket.lifetime).unwrap_or_default());
        let expires_at = expires_at.unwrap_or(now);
        self.command(move |connection| {
            let NewTicket { digest, principal, facts, .. } = &ticket;
            connection
                .prepare_cached(statements::FORGET_TICKETS)?
                .execute(params![Timestamp(now), FORGOTTEN])?;
            let values =
                params![digest, principal, facts, Timestamp(expires_at), Timestamp(now), integer(most)];
            Ok(connection.prepare_cached(statements::INSERT_TICKET)?.execute(values)? > 0)
        })
        .await
    }

    pub(in crate::store) async fn take_ticket(&self, digest: String) -> Result<Option<JsonText>, StoreError> {
        let now = OffsetDateTime::now_utc();
        self.command(move |connection| {
            let mut statement = connection.prepare_cached(statements::TAKE_TICKET)?;
            statement.query_row(params![digest, Timestamp(now)], |row| row.get(0)).optional()
        })
        .await
    }
}
