//! What an error of PostgreSQL means: the server's fault, the row's fault, or an id that exists.
use std::io;
use std::sync::Arc;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;
use crate::store::error::REFUSED;

pub(super) const UNREACHABLE: &str = "the database cannot be reached";
pub(super) const SILENT: &str = "the database does not answer in time";

/// The reason in words, if the server or the way to it is to blame: such work may succeed later, unchanged.
pub(super) fn server_fault(error: &Error) -> Option<&'static str> {
    match error.code() {
        Some(code) => fault_of_code(code),
        None => is_disconnection(error).then_some(UNREACHABLE),
    }
}

/// By the class of the SQLSTATE; a class that is not here says that the row or the command is wrong.
fn fault_of_code(code: &SqlState) -> Option<&'static str> {
    if *code == SqlState::DISK_FULL {
        return Some("the database's disk is full");
    }
    if *code == SqlState::QUERY_CANCELED {
        return Some(SILENT);
    }
    match code.code().get(..2)? {
        "08" | "57" => Some(UNREACHABLE),
        "28" => Some("the database does not let us in"),
        "25" => Some("the database may not be written"),
        "3D" | "3F" => Some("the database or its schema is missing"),
        "40" | "55" => Some("the database is held by others"),
        "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => Some("the database may not be used by us"),
        "42" => Some("a table of the database is missing"),
        "53" => Some("the database is out of resources"),
        "58" | "F0" | "XX" => Some("the database broke off"),
        _ => None,
    }
}

/// Whether the connection ended before there was an answer: the work may have been done or not.
fn is_disconnection(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    error.is_closed() || cause.is_some_and(<dyn std::error::Error>::is::<io::Error>)
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
            return Self::Conflict;
        }
        let reason = server_fault(&error).unwrap_or(REFUSED);
        Self::Failed { reason, source: Arc::new(error) }
    }
}

/// While a connection is made everything but the server's own word is the network's fault.
pub(super) fn not_connected(error: Error) -> StoreError {
    let reason = error.code().map_or(Some(UNREACHABLE), fault_of_code).unwrap_or(REFUSED);
    StoreError::Failed { reason, source: Arc::new(error) }
}

pub(super) fn no_session(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => not_connected(error),
        PoolError::Closed => StoreError::Closed,
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy,
        error => StoreError::Failed { reason: UNREACHABLE, source: Arc::new(error) },
    }
}

pub(super) fn silent() -> StoreError {
    StoreError::Failed { reason: SILENT, source: Arc::new(io::Error::from(io::ErrorKind::TimedOut)) }
}

/// Whether the server or the way to it, not one row or one command, is to blame.
pub(super) fn is_server_fault(error: &StoreError) -> bool {
    matches!(error, StoreError::Failed { .. }) && !error.is_refusal()
}

/// Whether one row or one command is to blame, and others can be done.
pub(super) fn is_of_one(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict) || matches!(error, StoreError::Failed { reason: REFUSED, .. })
}

/// Whether nothing can be written at all, as opposed to one table that is missing.
pub(super) fn is_outage(error: &StoreError) -> bool {
    is_server_fault(error) && !has_class(error, "42")
}

/// Whether waiting may help, as while a server starts: not where it knows us and refuses.
pub(super) fn is_passing(error: &StoreError) -> bool {
    matches!(error, StoreError::Failed { reason, .. } if [UNREACHABLE, SILENT].contains(reason))
        || has_class(error, "53")
}

/// Whether it is worth the while to ask once more on another connection, at once.
pub(super) fn is_broken_connection(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else { return false };
    let Some(error) = source.downcast_ref::<Error>() else { return false };
    is_disconnection(error) || error.code().is_some_and(|code| *code == SqlState::ADMIN_SHUTDOWN)
}

fn has_class(error: &StoreError, class: &str) -> bool {
    let StoreError::Failed { source, .. } = error else { return false };
    let code = source.downcast_ref::<Error>().and_then(Error::code);
    code.is_some_and(|code| code.code().starts_with(class))
}
