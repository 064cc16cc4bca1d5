//! Where a store may be: what is promised of a store is promised of it on both databases.
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use integridai_gateway::store::{PostgresOptions, Store, StoreOptions};
use tempfile::TempDir;

use crate::samples;
use crate::support::postgres::Postgres;

const TEMPLATE: &str = "template_gateway";

/// A place of a test's own.
#[derive(Debug)]
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres(String),
}

/// Runs the case on SQLite and then on PostgreSQL, each time in an empty database of its own.
pub(crate) async fn on_both(case: impl AsyncFn(&Home)) {
    for home in [Home::sqlite(), Home::postgres().await] {
        let ended = AssertUnwindSafe(case(&home)).catch_unwind().await;
        assert!(ended.is_ok(), "the case failed on {home:?}; the reason is above");
    }
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(samples::folder().0)
    }

    /// On the server that all tests of this process share.
    pub(crate) async fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        make_template().await;
        shared(|server| server.query("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")));
        Self::Postgres(shared(|server| server.url(&name)))
    }

    /// The defaults; for PostgreSQL those that it has too hold.
    pub(crate) fn options(&self) -> StoreOptions {
        match self {
            Self::Sqlite(folder) => StoreOptions::new(folder.path().join("gateway.db")),
            Self::Postgres(_) => StoreOptions::new("unused"),
        }
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(self.options()).await
    }

    pub(crate) async fn open_with(&self, options: StoreOptions) -> Store {
        match self {
            Self::Sqlite(_) => Store::open(options).expect("the store opens"),
            Self::Postgres(url) => {
                Store::connect(server_options(url, &options)).await.expect("the store opens")
            }
        }
    }
}

/// Few connections, for many stores share the server.
pub(crate) fn server_options(url: &str, options: &StoreOptions) -> PostgresOptions {
    PostgresOptions {
        max_connections: 4,
        buffer_rows: options.buffer_rows,
        buffer_bytes: options.buffer_bytes,
        batch_rows: options.batch_rows,
        flush_interval: options.flush_interval,
        pending_commands: options.pending_commands,
        retention: options.retention,
        ..PostgresOptions::new(url.parse().expect("a URL"))
    }
}

/// What the statement answers in the database of the URL.
pub(crate) fn query(url: &str, statement: &str) -> String {
    let database = url.rsplit('/').next().expect("a URL ends with the database");
    shared(|server| server.query(database, statement))
}

/// Asks the server that all tests of this process share.
pub(crate) fn shared<T>(ask: impl FnOnce(&Postgres) -> T) -> T {
    static SERVER: OnceLock<Mutex<Postgres>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let server = Postgres::start();
        server.end_with_this_process();
        Mutex::new(server)
    });
    ask(&server.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn make_template() {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let make = async || {
        let url = shared(|server| server.create_database(TEMPLATE));
        let store = Store::connect(server_options(&url, &StoreOptions::new("unused"))).await;
        let store = store.expect("the first store makes the schema");
        store.close(samples::PATIENCE).await.expect("a new store is closed");
        drop(store);
        let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'");
        samples::until("the end of its connections", async || {
            shared(|server| server.query("postgres", &gone)) == "0"
        })
        .await;
    };
    MADE.get_or_init(make).await;
}
