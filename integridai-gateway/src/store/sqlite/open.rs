//! Opens the file, prepares it, and starts the threads.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::alive::Alive;
use super::file::OpenFiles;
use super::reader::Readers;
use super::room::Room;
use super::writer::{Writer, WriterOptions};
use super::{Database, events, lock, migrations};
use crate::store::health::Counters;
use crate::store::queue::{Bounds, Queue};
use crate::store::{StoreError, StoreOptions};

const READERS: usize = 2;
/// SQLite counts the milliseconds of this wait in 32 bits.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
const PAGE_BYTES: u64 = 4096;
/// More than there are statements, so that each is prepared once.
const CACHED_STATEMENTS: usize = 64;

pub(super) fn open(options: &StoreOptions) -> Result<Database, StoreError> {
    let path = options.path.as_path();
    require_folder(path)?;
    let (alive, ended) = Alive::new(lock::acquire(path)?);
    let alive = Arc::new(alive);
    let broken = |error| StoreError::Open { path: path.to_owned(), source: Arc::new(error) };
    let mut connection = write_connection(options).map_err(broken)?;
    migrations::migrate(&mut connection, path)?;
    let room = Room::new(limit_size(&connection, options.max_bytes).map_err(broken)?);
    let newest = events::bounds(&connection).map_err(broken)?.newest;
    let readers = (0..READERS).map(|_| read_connection(options)).collect::<Result<_, _>>().map_err(broken)?;

    let files = OpenFiles::of(path)
        .map_err(|error| StoreError::Open { path: path.to_owned(), source: Arc::new(error) })?;
    let counters = Arc::new(Counters::new());
    let queue = Arc::new(Queue::new(bounds(options), Arc::clone(&counters)));
    let readers = Readers::start(readers, options.pending_commands, &alive)?;
    let (announce, committed) = watch::channel(newest);
    let shared = WriterOptions {
        files: files.clone(),
        queue: Arc::clone(&queue),
        counters: Arc::clone(&counters),
        committed: announce,
        retention: options.retention,
    };
    start(Writer::new(connection, shared, room), alive)?;
    Ok(Database { queue, counters, readers, files, committed, ended })
}

fn require_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() { Ok(()) } else { Err(StoreError::MissingFolder { path: path.to_owned() }) }
}

fn write_connection(options: &StoreOptions) -> rusqlite::Result<Connection> {
    let connection = prepared(options)?;
    // Takes effect in a file that is still empty.
    connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    // After a burst the log shrinks again.
    connection.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
    Ok(connection)
}

fn read_connection(options: &StoreOptions) -> rusqlite::Result<Connection> {
    let connection = prepared(options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn prepared(options: &StoreOptions) -> rusqlite::Result<Connection> {
    let connection = Connection::open(&options.path)?;
    connection.busy_timeout(options.busy_timeout.min(LONGEST_WAIT))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// Answers the limit in pages.
fn limit_size(connection: &Connection, max_bytes: Option<u64>) -> rusqlite::Result<Option<u64>> {
    let Some(bytes) = max_bytes else { return Ok(None) };
    // The file itself knows: it may have been made with another page size.
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = (bytes / page.unsigned_abs().max(1)).clamp(1, u64::from(u32::MAX - 1));
    // A file that is larger already keeps its size as its limit.
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    Ok(Some(pages))
}

fn start(mut writer: Writer, alive: Arc<Alive>) -> Result<(), StoreError> {
    let thread = std::thread::Builder::new().name("store-writer".to_owned());
    let started = thread.spawn(move || {
        writer.run();
        alive.close(writer);
    });
    started.map(drop).map_err(|error| StoreError::Thread { source: Arc::new(error) })
}

fn bounds(options: &StoreOptions) -> Bounds {
    Bounds {
        buffer_rows: options.buffer_rows,
        buffer_bytes: options.buffer_bytes,
        batch_rows: options.batch_rows,
        flush_interval: options.flush_interval,
        pending_jobs: options.pending_commands,
    }
}
