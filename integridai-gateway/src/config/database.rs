//! `[database]`

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConfigError, Count, Seconds};

/// The store: a SQLite file of its own, or a PostgreSQL that gateways share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// The SQLite file. It is made if it is not there; its folder must be. Without `path` and `url` it is
    /// [`DatabaseConfig::DEFAULT_PATH`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The PostgreSQL, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<DatabaseUrl>,
    /// Certificates, in PEM, that the PostgreSQL's is checked against, instead of those of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether the schema is brought up to date at the start; otherwise an old one is refused. PostgreSQL only.
    pub migrate: bool,
    /// Connections to the PostgreSQL that commands and reads may use; one more writes rows.
    pub max_connections: Count,
    /// How long a connection to the PostgreSQL may take.
    pub connection_timeout_seconds: Seconds,
    /// How long one statement may take there.
    pub statement_timeout_seconds: Seconds,
    /// How long to wait at the start for a PostgreSQL that does not answer yet.
    pub start_timeout_seconds: Seconds,
    /// Whether each answered call becomes a row of `api_calls_log`.
    pub api_calls: bool,
    /// How long logged events, metrics, calls and ended executions are kept.
    pub retention_days: Count,
    /// The greatest size of the SQLite file in MiB; when it is nearly reached the oldest log rows are removed before
    /// their time.
    pub max_size_mib: Count,
    /// Log rows that may wait in memory while the database fails; more are dropped and counted.
    pub max_buffered_rows: Count,
    /// Where log rows wait on the disk while the PostgreSQL fails; without it they wait in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolConfig>,
}

/// Where log rows wait on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolConfig {
    /// The folder. It is made if it is not there; the folder around it must be.
    pub path: PathBuf,
    /// How large its files may become together, in MiB.
    #[serde(default = "SpoolConfig::default_max_mib")]
    pub max_mib: Count,
}

impl SpoolConfig {
    fn default_max_mib() -> Count {
        Count::new(1024)
    }

    /// How large its files may become together, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        (self.max_mib.get() as u64).saturating_mul(1024 * 1024)
    }
}

impl DatabaseConfig {
    /// The SQLite file of a configuration that names no database.
    pub const DEFAULT_PATH: &'static str = "integridai.db";

    /// The SQLite file, where there is no PostgreSQL.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(Self::DEFAULT_PATH))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let most = Seconds::new(600);
        let timeouts = [self.connection_timeout_seconds, self.statement_timeout_seconds];
        let rules = [
            (
                self.path.is_some() && self.url.is_some(),
                "database.path, database.url",
                "there is one database: a SQLite file or a PostgreSQL; remove one of the two",
            ),
            (
                self.ca_file.is_some() && self.url.is_none(),
                "database.ca_file",
                "it is for a PostgreSQL, and database.url names none",
            ),
            (
                self.spool.is_some() && self.url.is_none(),
                "database.spool",
                "it is for a PostgreSQL, and database.url names none",
            ),
            (self.max_connections > Count::new(1_000), "database.max_connections", "at most 1000"),
            (
                timeouts.iter().any(|timeout| *timeout > most),
                "database.connection_timeout_seconds, database.statement_timeout_seconds",
                "at most 600",
            ),
        ];
        match rules.into_iter().find(|(is_broken, ..)| *is_broken) {
            Some((_, keys, reason)) => Err(ConfigError::Contradiction { keys: keys.into(), reason }),
            None => Ok(()),
        }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            path: None,
            url: None,
            ca_file: None,
            migrate: true,
            max_connections: Count::new(10),
            connection_timeout_seconds: Seconds::new(5),
            statement_timeout_seconds: Seconds::new(10),
            start_timeout_seconds: Seconds::new(30),
            api_calls: true,
            retention_days: Count::new(30),
            max_size_mib: Count::new(8 * 1024),
            max_buffered_rows: Count::new(100_000),
            spool: None,
        }
    }
}

/// The URL of a PostgreSQL; it is never printed, for it may hold a password in several places.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL, with the password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// All that may be told of one without taking it apart.
const HIDDEN: &str = "postgres://(hidden)";

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the format itself would show what it found.
        let url = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a string"))?;
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self(url));
        }
        let reason = "expected postgres://user:password@host:port/database; a SQLite file is database.path";
        Err(D::Error::custom(reason))
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}
