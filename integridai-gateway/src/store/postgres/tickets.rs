//! Tickets: kept, and used up by whoever takes one first, at whichever gateway.
use super::columns::{big_integer, text};
use super::{Database, statements};
use crate::store::tickets::NewTicket;
use crate::store::{JsonText, StoreError};

impl Database {
    pub(in crate::store) async fn keep_ticket(
        &self,
        ticket: NewTicket,
        most: u64,
    ) -> Result<bool, StoreError> {
        let NewTicket { digest, principal, facts, lifetime } = &ticket;
        let (principal, most) = (&*text(principal, usize::MAX), big_integer(most));
        let micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        self.command(|session, _| async move {
            let statement = session.prepare_cached(statements::INSERT_TICKET).await?;
            Ok(session.execute(&statement, &[digest, &principal, facts, &micros, &most]).await? > 0)
        })
        .await
    }

    pub(in crate::store) async fn take_ticket(&self, digest: String) -> Result<Option<JsonText>, StoreError> {
        let digest = &digest;
        self.command(|session, _| async move {
            let statement = session.prepare_cached(statements::TAKE_TICKET).await?;
            let taken = session.query_opt(&statement, &[digest]).await?;
            Ok(taken.map(|row| row.try_get(0)).transpose()?)
        })
        .await
    }
}
