//! What a store may be told.
use std::path::PathBuf;
use std::time::Duration;

/// Where the database is, and its bounds.
///
/// ```
/// use integridai_gateway::store::StoreOptions;
/// use std::time::Duration;
///
/// let options = StoreOptions { retention: Duration::from_secs(7 * 24 * 3600), ..StoreOptions::new("gateway.db") };
/// assert_eq!(options.buffer_rows, 100_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The database file. It is made when it is missing; its folder is not.
    pub path: PathBuf,
    /// How many rows may wait to be written. Default 100 000; the newest is dropped when it is full.
    pub buffer_rows: usize,
    /// How many bytes of rows may wait to be written. Default 64 MiB.
    pub buffer_bytes: usize,
    /// How many rows are written in one transaction. Default 1 000, at least 1.
    pub batch_rows: usize,
    /// How long a row waits for company before it is written. Default 250 ms.
    pub flush_interval: Duration,
    /// How many durable commands may wait, and as many reads. Default 1 024; more are refused as busy.
    pub pending_commands: usize,
    /// How old rows and finished executions may become. Default 30 days.
    pub retention: Duration,
    /// How long to wait for a lock that another program holds on the file. Default 2 s.
    pub busy_timeout: Duration,
    /// How large the database file may become, in bytes; rounded down to whole pages of 4 KiB. Default: no
    /// bound. Beyond seven eighths of it the oldest log rows are removed before their time, and when there are none,
    /// the oldest executions that have ended.
    pub max_bytes: Option<u64>,
}

impl StoreOptions {
    /// The defaults, for the database at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            buffer_rows: 100_000,
            buffer_bytes: 64 * 1024 * 1024,
            batch_rows: 1_000,
            flush_interval: Duration::from_millis(250),
            pending_commands: 1_024,
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            busy_timeout: Duration::from_secs(2),
            max_bytes: None,
        }
    }
}
