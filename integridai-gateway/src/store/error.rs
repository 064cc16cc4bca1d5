//! What can go wrong with the store.
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// The error beneath, shared because one failed transaction answers many callers.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// Why the store could not be opened, or could not do what was asked.
///
/// The text names files and is meant for operators, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder that should hold the database is not there; it is never created silently.
    #[error("the folder of the database {} does not exist", path.display())]
    MissingFolder {
        /// The database file.
        path: PathBuf,
    },
    /// Another process (or another store of this one) has the database, or the spool.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The database file, or the folder.
        path: PathBuf,
    },
    /// The lock file beside the database could not be made.
    #[error("cannot lock the database {}", path.display())]
    Lock {
        /// The database file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: Cause,
    },
    /// The file could not be opened or prepared.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// The database's answer.
        #[source]
        source: Cause,
    },
    /// The file is a database, but of another program.
    #[error("the file {} is a database of another program", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("the database {database} has schema version {found}; this program knows {known}")]
    TooNew {
        /// The database file, or where the server is.
        database: String,
        /// The version in the file.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The schema is older than this program's, and may not be changed at the start.
    #[error(
        "the database {database} has schema version {found}; this program needs {known}: run `migrate`, or allow \
         database.migrate"
    )]
    TooOld {
        /// Where the server is.
        database: String,
        /// The version in the database; 0 for an empty one.
        found: u32,
        /// The version this program needs.
        known: u32,
    },
    /// The URL of the database is none of PostgreSQL. It is not shown: it may hold a password.
    #[error("the URL of the database is not valid: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The server could not be reached, or did not let us prepare the database.
    #[error("cannot open the database {database}: {reason}")]
    Connect {
        /// Where the server is, without user and password.
        database: String,
        /// What kind of failure it is.
        reason: &'static str,
        /// The server's answer, or the network's.
        #[source]
        source: Cause,
    },
    /// The certificates that the server is checked against could not be read.
    #[error("cannot read certificates from {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The folder for rows that the database does not take could not be used.
    #[error("cannot use the spool {}", path.display())]
    Spool {
        /// The folder.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: Cause,
    },
    /// A thread for the database could not be started.
    #[error("cannot start a thread for the database")]
    Thread {
        /// The operating system's answer.
        #[source]
        source: Cause,
    },
    /// Too much work is waiting for the database already; the work was not done.
    #[error("too many requests are waiting for the database")]
    Busy,
    /// The store has been closed; the work was not done.
    #[error("the store is closed")]
    Closed,
    /// There is an entry with this id already.
    #[error("an entry with this id exists already")]
    Conflict,
    /// The execution was claimed anew, or has ended: the write came too late and was not done.
    #[error("the lease of the execution is lost")]
    LeaseLost,
    /// The database refused; the work was not done.
    #[error("{reason}")]
    Failed {
        /// What kind of failure it is, without names of files.
        reason: &'static str,
        /// The database's answer.
        #[source]
        source: Cause,
    },
    /// The store ended, or the deadline passed, while rows were still waiting to be written.
    #[error("the store has rows that are not written: {rows}")]
    Unsaved {
        /// How many.
        rows: usize,
    },
}

/// The reason where the work, and not the database, is to blame.
pub(super) const REFUSED: &str = "the database refused";

impl StoreError {
    /// Whether the database does not take what it was given: the same again is refused again.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Failed { reason, .. } if *reason == REFUSED)
    }
}
