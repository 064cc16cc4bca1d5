//! What the gateway remembers: events, metrics, answered calls, and executions.
//!
//! [`Store`] has two kinds of writes. *Records* (`record_*`) are fire and forget: they go into a bounded
//! buffer and are written in batches, an event at once with whatever waits; when the buffer is full the newest
//! row is dropped and counted. A failing disk never fails a request: rows wait, writes are retried with back-off, and [`StoreHealth`] tells.
//! *Commands* (`accept_execution` and the rest) resolve after the commit has reached the disk, or with the
//! error that kept it from there; they are never retried behind the caller's back. A command whose future is
//! dropped early may or may not have happened, but a claim that nobody received goes back to the queue.
//!
//! A file that is removed or replaced while it is open fails commands and lets rows wait, until it is moved back or
//! the gateway is started anew. In a file that has nearly grown to [`StoreOptions::max_bytes`] the oldest log rows
//! give way to new ones.
//!
//! Refuses: a file that another process has open, that another program made, or that a newer version of this
//! program wrote. Does not: create folders, or shrink the file after rows were removed (their room is used
//! again).
//!
//! ```
//! use integridai_gateway::store::{Store, StoreOptions};
//! use std::time::Duration;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("gateway.db");
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let store = Store::open(StoreOptions::new(path))?;
//! store.ping().await?;
//! assert_eq!(store.queued_executions().await?, 0);
//! store.close(Duration::from_secs(5)).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod arrival;
mod backend;
mod claims;
mod error;
mod events;
mod executions;
mod health;
mod json_text;
mod lock;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(not(feature = "postgres"))]
#[path = "postgres_absent.rs"]
mod postgres;
mod publication;
mod queue;
mod rank;
mod record;
mod retry;
mod rows;
#[cfg(feature = "postgres")]
mod spool;
mod sqlite;
mod tickets;
mod width;

use std::sync::Arc;
use std::time::Duration;

use self::backend::Backend;
pub use self::claims::{
    Admission, Admitted, Cancellation, ClaimRules, ExecutionFilter, ExecutionSummary, Heartbeat, KeyAnswer,
    Lease, NewKey,
};
pub use self::error::StoreError;
pub use self::events::{
    Appended, EventBounds, EventFilter, EventPage, EventRange, EventReader, LoggedEvent, PageLimit,
};
pub use self::health::StoreHealth;
pub use self::json_text::JsonText;
pub use self::options::StoreOptions;
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresOptions, PostgresUrl};
pub use self::publication::{NewStart, Published, Started};
pub use self::rank::{cost, next_rank};
use self::record::Record;
pub use self::rows::{
    ApiCall, Execution, ExecutionState, Finished, MetricSample, NewExecution, Outcome, Priority, SystemEvent,
    Table,
};
#[cfg(feature = "postgres")]
pub use self::spool::SpoolOptions;
pub use self::tickets::NewTicket;

/// A handle to the store; clones are cheap and share everything.
///
/// Dropping the last handle ends the store too: what is buffered is still written in the background, but
/// nobody learns whether that succeeded. [`Store::close`] waits for it.
#[derive(Debug, Clone)]
pub struct Store {
    database: Arc<Backend>,
}

/// An upper bound for every list.
const LONGEST_LIST: u32 = 10_000;

impl Store {
    /// Opens the file, brings its schema up to date, and starts the threads. Blocks for some milliseconds.
    ///
    /// # Errors
    /// When the folder is missing, another process has the file, or the file is not ours to use.
    #[expect(clippy::needless_pass_by_value, reason = "the options are used up: a store is opened once")]
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let database = Box::new(sqlite::Database::open(&options)?);
        Ok(Self { database: Arc::new(Backend::Sqlite(database)) })
    }

    /// Connects to a PostgreSQL, brings its schema up to date, and starts what writes rows down.
    ///
    /// # Errors
    /// When nothing answers within [`PostgresOptions::start_timeout`], or the database is not ours to use.
    #[cfg(feature = "postgres")]
    pub async fn connect(options: PostgresOptions) -> Result<Self, StoreError> {
        let database = Box::new(postgres::Database::connect(options).await?);
        Ok(Self { database: Arc::new(Backend::Postgres(database)) })
    }

    /// Records an event, which is written at once and then told by [`Store::committed_events`]. Never waits; see the module
    /// for what becomes of it.
    pub fn record_event(&self, event: SystemEvent) {
        self.record([Record::Event(event)]);
    }

    /// Records figures. Never waits.
    pub fn record_metrics(&self, samples: Vec<MetricSample>) {
        self.record(samples.into_iter().map(Record::Metric));
    }

    /// Records an answered call. Never waits.
    pub fn record_api_call(&self, call: ApiCall) {
        self.record([Record::ApiCall(call)]);
    }

    /// Records an execution that ran, and ended, outside of the queue. Never waits.
    pub fn record_execution(&self, execution: Execution) {
        self.record([Record::Execution(Box::new(execution))]);
    }

    fn record(&self, rows: impl IntoIterator<Item = Record>) {
        match &*self.database {
            Backend::Sqlite(database) => database.record(rows),
            Backend::Postgres(database) => database.record(rows),
        }
    }

    /// Waits until everything recorded so far is written.
    ///
    /// # Errors
    /// [`StoreError::Unsaved`] if the database refuses at the moment; the rows go on waiting.
    pub async fn flush(&self) -> Result<(), StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.flush().await,
            Backend::Postgres(database) => database.flush().await,
        }
    }

    /// The newest events that are written, newest first; at most 10 000.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn recent_events(&self, limit: u32) -> Result<Vec<SystemEvent>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.recent_events(limit).await,
            Backend::Postgres(database) => database.recent_events(limit).await,
        }
    }

    /// The newest figures that are written, newest first; at most 10 000.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn recent_metrics(&self, limit: u32) -> Result<Vec<MetricSample>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.metrics(limit).await,
            Backend::Postgres(database) => database.metrics(limit).await,
        }
    }

    /// The newest calls that are written, newest first; at most 10 000.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn recent_api_calls(&self, limit: u32) -> Result<Vec<ApiCall>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.api_calls(limit).await,
            Backend::Postgres(database) => database.api_calls(limit).await,
        }
    }

    /// Asks every table, whether the files are still those that were opened, and whether the last write succeeded.
    /// While writes fail the writer tries again by itself, so this turns well without any traffic; after a failed
    /// read only this tells that reads go well again, so it is to be called now and then.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.ping().await,
            Backend::Postgres(database) => database.ping().await,
        }
    }

    /// How the store is doing; costs a few loads.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        match &*self.database {
            Backend::Sqlite(database) => database.counters().snapshot(),
            Backend::Postgres(database) => database.counters().snapshot(),
        }
    }

    /// How many rows of one table were lost so far.
    #[must_use]
    pub fn dropped_rows(&self, table: Table) -> u64 {
        match &*self.database {
            Backend::Sqlite(database) => database.counters().dropped(table),
            Backend::Postgres(database) => database.counters().dropped(table),
        }
    }

    /// Writes what is buffered, folds the write-ahead log into the file, ends the threads and lets the lock
    /// go, within the deadline. From the first call on nothing new is taken. Further calls wait for the same
    /// end. Needs tokio's clock.
    ///
    /// # Errors
    /// [`StoreError::Unsaved`] if rows are lost, or the disk has not answered by the deadline.
    pub async fn close(&self, deadline: Duration) -> Result<(), StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.close(deadline).await,
            Backend::Postgres(database) => database.close(deadline).await,
        }
    }
}
