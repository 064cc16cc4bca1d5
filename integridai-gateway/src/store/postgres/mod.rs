//! The store in a PostgreSQL, which many gateways may share.
//!
//! Commands and reads take a connection each from a bounded pool; one that may be done twice is done once more where
//! its connection broke. Rows wait in a bounded buffer for company; one thread with a connection of its own writes
//! them, one statement per table and batch, and every row has an id, so that a batch whose answer was lost can be
//! written again without doubling anything. While the server takes none, rows go to a spool on the disk, where there is
//! one, and from there into the tables when it is back.
//!
//! What has to be in one order for all gateways is so by two locks that end with their transactions: that of the queue,
//! under which executions are admitted and claimed, and that of the log, under which events get their cursors right
//! before the commit. Whoever has the log waits for nothing; whoever has the queue waits for the log where an event
//! starts an execution, and in no other case.
mod admission;
mod batch;
mod claim;
mod claim_order;
mod columns;
mod connect;
mod ending;
mod entering;
mod events;
mod execution_statements;
mod executions;
mod failure;
mod keeping;
mod listen;
mod lists;
mod migrations;
mod options;
mod publication;
mod queueing;
mod retention;
mod rows;
mod session;
mod sessions;
mod statements;
mod tickets;
mod tls;
mod together;
mod trip;
mod write;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio_postgres::Row;

use self::claim::Claimers;
use self::connect::Connector;
use self::ending::Finishers;
use self::entering::Entrants;
use self::keeping::Keeping;
use self::listen::Listener;
pub use self::options::{PostgresOptions, PostgresUrl};
use self::sessions::{Session, Sessions};
use self::write::Line;
use self::writer::{Rows, State, Writer};
use super::health::Counters;
use super::queue::{Bounds, Queue};
use super::record::Record;
use super::spool::Spool;
use super::{
    ApiCall, Appended, EventBounds, EventFilter, EventPage, EventRange, LONGEST_LIST, MetricSample,
    PageLimit, StoreConnections, StoreError, SystemEvent,
};

/// How long the writer may go on when the store is dropped without having been closed.
const LINGER: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Database {
    queue: Arc<Rows>,
    counters: Arc<Counters>,
    sessions: Arc<Sessions>,
    entrants: Entrants,
    claimers: Claimers,
    finishers: Finishers,
    runtime: Handle,
    committed: watch::Receiver<u64>,
    ended: watch::Receiver<()>,
}

impl Database {
    pub(super) async fn connect(options: PostgresOptions) -> Result<Self, StoreError> {
        let connector = Connector::new(&options)?;
        let spool = options.spool.as_ref().map(Spool::open).transpose()?;
        let newest = prepare(&connector, &options).await?;
        let sessions = Arc::new(Sessions::new(connector.pool(&options)?, connector.clone(), &options));
        let counters = Arc::new(Counters::new());
        let queue = Arc::new(Queue::new(bounds(&options), Arc::clone(&counters)));
        let (announce, ended) = watch::channel(());
        let (tell, committed) = watch::channel(newest);
        let listener = Listener { connector: connector.clone(), committed: tell, ended: ended.clone() };
        start(Writer {
            runtime: writers_runtime()?,
            line: Line::new(connector, options.statement_timeout.saturating_add(LINGER)),
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            keeping: Keeping::new(spool, Arc::clone(&counters)),
            batch_rows: options.batch_rows.max(1),
            retention: options.retention,
            state: State::new(),
            _announce: announce,
        })?;
        tokio::spawn(listener.run());
        Ok(Self {
            queue,
            counters,
            sessions,
            entrants: Entrants::new(),
            claimers: Claimers::new(),
            finishers: Finishers::new(),
            runtime: Handle::current(),
            committed,
            ended,
        })
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn record(&self, rows: impl IntoIterator<Item = Record>) {
        self.queue.push_rows(rows);
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_flush(reply)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn append_events(&self, events: Vec<SystemEvent>) -> Result<Vec<Appended>, StoreError> {
        let events = &events;
        self.command(|session, again| async move { events::append(&*session, events, again).await }).await
    }

    pub(super) async fn events(
        &self,
        range: EventRange,
        filter: EventFilter,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let filter = &filter;
        self.read(|session, _| async move { events::page(&session, range, filter, limit).await }).await
    }

    pub(super) async fn event_bounds(&self) -> Result<EventBounds, StoreError> {
        self.read(|session, _| async move { events::bounds(&session).await }).await
    }

    pub(super) fn connections(&self) -> StoreConnections {
        self.sessions.connections()
    }

    pub(super) fn committed_events(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    pub(super) async fn recent_events(&self, limit: u32) -> Result<Vec<SystemEvent>, StoreError> {
        self.list(statements::RECENT_EVENTS, limit, rows::event).await
    }

    pub(super) async fn metrics(&self, limit: u32) -> Result<Vec<MetricSample>, StoreError> {
        self.list(statements::RECENT_METRICS, limit, rows::metric).await
    }

    pub(super) async fn api_calls(&self, limit: u32) -> Result<Vec<ApiCall>, StoreError> {
        self.list(statements::RECENT_API_CALLS, limit, rows::api_call).await
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let ask = self.read(|session, _| async move {
            let statement = session.prepare_cached(statements::PING).await?;
            session.query_one(&statement, &[]).await?;
            Ok(())
        });
        ask.await?;
        self.counters.answer()
    }

    pub(super) async fn close(&self, within: Duration) -> Result<(), StoreError> {
        self.begin_close(within);
        self.counters.ended(self.ended.clone(), within).await
    }

    fn begin_close(&self, within: Duration) {
        let now = Instant::now();
        self.queue.close(now.checked_add(within).unwrap_or(now));
        self.sessions.close();
    }

    async fn list<T>(
        &self,
        statement: &'static str,
        limit: u32,
        read: fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let limit = i64::from(limit.min(LONGEST_LIST));
        let rows = self.read(|session, _| async move {
            let statement = session.prepare_cached(statement).await?;
            Ok(session.query(&statement, &[&limit]).await?)
        });
        rows.await?.iter().map(read).collect()
    }

    async fn read<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let answer = self.sessions.read(work).await;
        if let Err(error @ StoreError::Failed { reason, .. }) = &answer
            && failure::is_server_fault(error)
            && self.counters.reading_failed(reason)
        {
            tracing::warn!(error = error as &dyn std::error::Error, "the database cannot be read");
        }
        answer
    }

    async fn command<T, F>(&self, work: impl Fn(Session, bool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.notice_write(self.sessions.repeatable(work).await)
    }

    fn notice_write<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::Failed { reason, .. }) = &answer
            && failure::is_server_fault(error)
            && self.counters.failed(reason)
        {
            tracing::warn!(error = error as &dyn std::error::Error, "the database cannot be written");
        }
        answer
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.begin_close(LINGER);
    }
}

/// Answers how far the log of events goes.
async fn prepare(connector: &Connector, options: &PostgresOptions) -> Result<u64, StoreError> {
    let database = options.url.to_string();
    let prepared = async {
        let mut client = connector.first(options.start_timeout).await?;
        migrations::migrate(&mut client, &database, options.migrate).await?;
        migrations::check(&client).await?;
        events::bounds(&client).await.map(|bounds| bounds.newest)
    };
    prepared.await.map_err(|error| match error {
        StoreError::Failed { reason, source } => StoreError::Connect { database, reason, source },
        error => error,
    })
}

fn bounds(options: &PostgresOptions) -> Bounds {
    Bounds {
        buffer_rows: options.buffer_rows,
        buffer_bytes: options.buffer_bytes,
        batch_rows: options.batch_rows,
        flush_interval: options.flush_interval,
        pending_jobs: options.pending_commands,
    }
}

/// One of its own: rows are written whatever the other runtime is busy with, and files may be waited for.
fn writers_runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| StoreError::Thread { source: Arc::new(error) })
}

fn start(writer: Writer) -> Result<(), StoreError> {
    let thread = std::thread::Builder::new().name("store-writer".to_owned());
    let started = thread.spawn(move || writer.run());
    started.map(drop).map_err(|error| StoreError::Thread { source: Arc::new(error) })
}
