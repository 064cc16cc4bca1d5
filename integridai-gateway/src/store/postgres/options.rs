//! What a store on PostgreSQL may be told.
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::Host;

use crate::store::StoreError;
use crate::store::spool::SpoolOptions;

/// Where a PostgreSQL is, and who we are to it. What it says of users and passwords is never printed.
///
/// `postgres://user:password@host:port/database`, with the parameters of libpq after a `?`. `sslmode` is `prefer`
/// unless it says `disable` or `require`; the server's certificate is checked wherever TLS is spoken.
///
/// ```
/// use integridai_gateway::store::PostgresUrl;
///
/// let url: PostgresUrl = "postgres://gateway:change-me@db.internal/integridai?sslmode=require".parse()?;
/// assert_eq!(url.to_string(), "postgres://db.internal:5432/integridai");
/// # Ok::<(), integridai_gateway::store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(tokio_postgres::Config);

impl PostgresUrl {
    pub(super) fn config(&self) -> &tokio_postgres::Config {
        &self.0
    }
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            let reason = "expected postgres://user:password@host:port/database".to_owned();
            return Err(StoreError::Url { reason });
        }
        let config = url.parse::<tokio_postgres::Config>().map_err(|error| StoreError::Url {
            reason: std::error::Error::source(&error).unwrap_or(&error).to_string(),
        })?;
        if config.get_hosts().is_empty() {
            return Err(StoreError::Url { reason: "it names no host".to_owned() });
        }
        Ok(Self(config))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.0.get_ports();
        for (index, host) in self.0.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).unwrap_or(&5432);
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the database is, and the bounds of a store on it.
///
/// ```
/// use integridai_gateway::store::PostgresOptions;
///
/// let url = "postgres://gateway@localhost/integridai".parse()?;
/// let options = PostgresOptions { max_connections: 4, ..PostgresOptions::new(url) };
/// assert_eq!(options.buffer_rows, 100_000);
/// # Ok::<(), integridai_gateway::store::StoreError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Where it is.
    pub url: PostgresUrl,
    /// Certificates, in PEM, that the server's is checked against. Default: those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How many connections commands and reads may use; one more writes rows, one listens. Default 10, at least 1.
    pub max_connections: usize,
    /// How long one connection may take to be made. Default 5 s.
    pub connect_timeout: Duration,
    /// How long to try at the start before giving up. Default 30 s.
    pub start_timeout: Duration,
    /// How long one statement may take; the server cancels it. Default 10 s.
    pub statement_timeout: Duration,
    /// Whether the schema is brought up to date at the start; an old one is refused otherwise. Default true.
    pub migrate: bool,
    /// How many rows may wait in memory to be written. Default 100 000; the newest is dropped when it is full.
    pub buffer_rows: usize,
    /// How many bytes of rows may wait in memory to be written. Default 64 MiB.
    pub buffer_bytes: usize,
    /// How many rows are written at once. Default 1 000, at least 1.
    pub batch_rows: usize,
    /// How long a row waits for company before it is written. Default 250 ms.
    pub flush_interval: Duration,
    /// How many commands and reads may be under way or wait for a connection. Default 1 024; more are refused as busy.
    pub pending_commands: usize,
    /// Where rows wait on the disk while the server takes none. Default: nowhere, they wait in memory.
    pub spool: Option<SpoolOptions>,
    /// How old rows and finished executions may become. Default 30 days.
    pub retention: Duration,
}

impl PostgresOptions {
    /// The defaults, for the database at `url`.
    #[must_use]
    pub fn new(url: PostgresUrl) -> Self {
        Self {
            url,
            ca_file: None,
            max_connections: 10,
            connect_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(10),
            migrate: true,
            buffer_rows: 100_000,
            buffer_bytes: 64 * 1024 * 1024,
            batch_rows: 1_000,
            flush_interval: Duration::from_millis(250),
            pending_commands: 1_024,
            spool: None,
            retention: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_user_or_password() {
        for url in
            ["postgresql://ana:secret@db:6432/x", "postgres://ana@db:6432/x?password=secret&sslmode=disable"]
        {
            let url: PostgresUrl = url.parse().unwrap();
            let options = PostgresOptions::new(url.clone());
            assert_eq!(url.to_string(), "postgres://db:6432/x");
            assert!(!format!("{options:?}").contains("secret") && !format!("{options:?}").contains("ana"));
        }
    }

    #[test]
    fn what_is_no_url_of_a_postgresql_is_refused_without_showing_it() {
        for url in
            ["mysql://db", "host=db password=secret", "postgres://", "postgres://u:secret@db?sslmode=maybe"]
        {
            let error = url.parse::<PostgresUrl>().unwrap_err();
            assert!(matches!(error, StoreError::Url { .. }), "{error:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
