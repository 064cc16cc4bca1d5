//! Which store the configuration asks for.

use std::time::Duration;

use super::BuildError;
use crate::config::{Config, DatabaseConfig};
use crate::store::{Store, StoreError, StoreOptions};

/// Opens the file, or connects to the server.
pub(super) async fn open(config: &Config) -> Result<Store, BuildError> {
    let database = &config.database;
    match &database.url {
        Some(url) => Ok(connect(database, url.expose()).await?),
        None => Ok(Store::open(file(database))?),
    }
}

fn file(database: &DatabaseConfig) -> StoreOptions {
    StoreOptions {
        buffer_rows: database.max_buffered_rows.get(),
        retention: retention(database),
        max_bytes: Some(database.max_size_mib.get() as u64 * 1024 * 1024),
        ..StoreOptions::new(database.file())
    }
}

fn retention(database: &DatabaseConfig) -> Duration {
    let days = u32::try_from(database.retention_days.get()).unwrap_or(u32::MAX);
    Duration::from_secs(86_400) * days
}

/// Whether the URL is one that can be connected to.
pub(super) fn check(config: &Config) -> Result<(), BuildError> {
    match &config.database.url {
        Some(url) => Ok(check_url(url.expose())?),
        None => Ok(()),
    }
}

#[cfg(feature = "postgres")]
async fn connect(database: &DatabaseConfig, url: &str) -> Result<Store, StoreError> {
    Store::connect(server(database, url)?).await
}

#[cfg(feature = "postgres")]
fn check_url(url: &str) -> Result<(), StoreError> {
    url.parse::<crate::store::PostgresUrl>().map(drop)
}

#[cfg(feature = "postgres")]
fn server(database: &DatabaseConfig, url: &str) -> Result<crate::store::PostgresOptions, StoreError> {
    use crate::store::{PostgresOptions, SpoolOptions};

    let spool = database.spool.as_ref();
    Ok(PostgresOptions {
        ca_file: database.ca_file.clone(),
        max_connections: database.max_connections.get(),
        connect_timeout: database.connection_timeout_seconds.get(),
        start_timeout: database.start_timeout_seconds.get(),
        statement_timeout: database.statement_timeout_seconds.get(),
        migrate: database.migrate,
        buffer_rows: database.max_buffered_rows.get(),
        retention: retention(database),
        spool: spool.map(|spool| SpoolOptions { path: spool.path.clone(), max_bytes: spool.max_bytes() }),
        ..PostgresOptions::new(url.parse()?)
    })
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "with the feature there is something to wait for")]
async fn connect(_: &DatabaseConfig, url: &str) -> Result<Store, StoreError> {
    check_url(url).and_then(|()| Err(not_built()))
}

#[cfg(not(feature = "postgres"))]
fn check_url(_: &str) -> Result<(), StoreError> {
    Err(not_built())
}

#[cfg(not(feature = "postgres"))]
fn not_built() -> StoreError {
    StoreError::Url { reason: "this build is without the feature `postgres`".to_owned() }
}
