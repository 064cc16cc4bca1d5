//! `[database]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Count;

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// The SQLite file. It is made if it is not there; its folder must be.
    pub path: PathBuf,
    /// How long logged events, metrics, calls and ended executions are kept.
    pub retention_days: Count,
    /// The greatest size of the file in MiB; when it is nearly reached the oldest log rows are removed before their time.
    pub max_size_mib: Count,
    /// Log rows that may wait in memory while the disk fails; more are dropped and counted.
    pub max_buffered_rows: Count,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            path: "integridai.db".into(),
            retention_days: Count::new(30),
            max_size_mib: Count::new(8 * 1024),
            max_buffered_rows: Count::new(100_000),
        }
    }
}
