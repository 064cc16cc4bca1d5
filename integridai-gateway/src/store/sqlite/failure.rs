//! What a database error means: the disk's fault, the row's fault, or an id that exists.
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::StoreError;
use crate::store::error::REFUSED;

/// The reason in words, if the file or its disk is to blame: such a write may succeed later, unchanged.
pub(super) fn storage_fault(error: &rusqlite::Error) -> Option<&'static str> {
    if lacks_schema(error) {
        return Some("a table of the database is missing");
    }
    match error.sqlite_error_code()? {
        ErrorCode::DiskFull => Some("the database or its disk is full"),
        ErrorCode::SystemIoFailure => Some("the database could not be read or written"),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Some("the database may not be written"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            Some("the database is held by another program")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some("the database is damaged"),
        ErrorCode::CannotOpen => Some("the database cannot be opened"),
        ErrorCode::OutOfMemory => Some("the database is out of memory"),
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted | ErrorCode::SchemaChanged => {
            Some("the database broke off")
        }
        _ => None,
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_duplicate(&error) {
            return Self::Conflict;
        }
        let reason = storage_fault(&error).unwrap_or(REFUSED);
        Self::Failed { reason, source: Arc::new(error) }
    }
}

/// SQLite has no code of its own for this. A row is never to blame: every statement fits the schema.
fn lacks_schema(error: &rusqlite::Error) -> bool {
    let (rusqlite::Error::SqliteFailure(_, Some(message))
    | rusqlite::Error::SqlInputError { msg: message, .. }) = error
    else {
        return false;
    };
    error.sqlite_error_code() == Some(ErrorCode::Unknown)
        && (message.starts_with("no such ") || message.contains(" has no column named "))
}

/// Whether the database itself, not one row or one command, is to blame.
pub(super) fn is_storage_fault(error: &StoreError) -> bool {
    match error {
        StoreError::Failed { source, .. } => match source.downcast_ref::<rusqlite::Error>() {
            Some(error) => storage_fault(error).is_some(),
            None => true,
        },
        _ => false,
    }
}

/// Whether there is no room in the file, or on its disk.
pub(super) fn is_full(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else { return false };
    let error = source.downcast_ref::<rusqlite::Error>();
    error.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    matches!(
        error.sqlite_extended_error_code(),
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)
    )
}
