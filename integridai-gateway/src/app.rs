//! Builds the gateway from its configuration and runs it. Nothing imports this but `main` and tests.

mod beside;
mod database;
mod entrance;
mod fronts;
mod inherited;
mod operators;
mod redirect;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use integridai_tower::ConfigError;
use integridai_tower::rate_limit::{MemoryLimiter, Quota};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::beside::{Beside, STORE_GRACE};
use self::entrance::Entrance;
use self::fronts::Fronts;
pub use self::inherited::Inherited;
use crate::api::{self, Api};
use crate::config::{Config, Count, ServerConfig};
use crate::events::{EventLog, Events, Hub};
use crate::orchestration::{Engine, Queue, QueueOptions, Triggers, UnknownWorkflow, Workflows};
use crate::proxy::{Table, Tunnels};
use crate::server::{Drained, ServerOptions};
use crate::services::{
    Calls, Connections, Consolidated, Exchanges, HealthRule, Protection, Reporter, Sources, Tickets, Traffic,
};
use crate::stack::{self, Access, Around, Cache, Clients, Guards, Limits};
pub use crate::stack::{Grant, MintedKey, demo_credentials, mint_api_key, mint_token};
use crate::store::{Store, StoreError};
use crate::telemetry::{self, DroppedLines, TelemetryError};

/// A gateway that is bound and wired, and about to run.
#[derive(Debug)]
pub struct App {
    entrance: Entrance,
    fronts: Fronts,
    api: Arc<Api>,
    beside: Beside,
    config: Config,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with {key}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Where it is configured.
        key: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A socket was handed over that the configuration does not know.
    #[error(
        "a socket that listens on {address} was handed over (LISTEN_FDS), and none of server.listen, \
         server.redirect.listen and admin.listen is that address"
    )]
    Inherited {
        /// Where it listens.
        address: SocketAddr,
    },
    /// The store cannot be opened.
    #[error("{source}{}", cause(source))]
    Store {
        /// Why not.
        #[from]
        source: StoreError,
    },
    /// A client or an authenticator cannot be built.
    #[error(transparent)]
    Client(#[from] ConfigError),
    /// Anybody could call, or nobody.
    #[error(transparent)]
    Access(#[from] crate::config::ConfigError),
    /// A trigger names no workflow.
    #[error(transparent)]
    Trigger(#[from] UnknownWorkflow),
    /// Metrics cannot be recorded.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}

/// Subscribers that catch up from the log at the same time; others wait for their turn.
const LOG_READERS: usize = 32;

impl App {
    /// Binds the address, opens the store, wires everything and takes up unfinished executions. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError`], before anything was served.
    pub fn build(config: Config) -> impl Future<Output = Result<Self, BuildError>> {
        Self::build_on(Inherited::default(), config)
    }

    /// The same, on sockets that are there already where they are those of the configuration.
    ///
    /// # Errors
    ///
    /// [`BuildError`], before anything was served.
    pub fn build_on(inherited: Inherited, config: Config) -> impl Future<Output = Result<Self, BuildError>> {
        let workflows = Workflows::new(config.workflows.clone());
        Box::pin(Self::wire(config, workflows, inherited))
    }

    /// The same with workflows of one's own.
    ///
    /// # Errors
    ///
    /// [`BuildError`], before anything was served.
    pub fn build_with(
        config: Config,
        workflows: Workflows,
    ) -> impl Future<Output = Result<Self, BuildError>> {
        // Boxed, for a configuration is large and every future around this one would hold it too.
        Box::pin(Self::wire(config, workflows, Inherited::default()))
    }

    async fn wire(config: Config, workflows: Workflows, inherited: Inherited) -> Result<Self, BuildError> {
        config.check_access()?;
        let prometheus = telemetry::install()?;
        let (mut entrance, certificates) = Entrance::open(&config, inherited)?;
        let store = database::open(&config).await?;
        let hub = hub(&config, &store);
        let traffic = Arc::new(Traffic::new(config.metrics.window_seconds.get()));
        let (clients, checks) = Clients::new(&config.services, &config.proxy)?;
        let protection = Protection::of(&clients);
        let engine = engine(&config, clients.clone(), &store, &traffic);
        let options = QueueOptions::from(&config.executions);
        let queue = Queue::new(engine.clone(), store.clone(), workflows.clone(), options);
        let (for_triggers, known) = (queue.clone(), workflows.clone());
        let triggers = Triggers::new(&config.triggers, known, for_triggers, store.clone())?;
        let (access, tickets) = access(&config)?;
        let limits = limits(&config)?;
        let cache = Cache::new(&config.cache, &config.redis)?;
        let exchanges = Exchanges::new(traffic, config.database.api_calls.then(|| store.clone()));
        let api = Arc::new(Api {
            queue,
            triggers,
            key_lifetime: config.executions.key_seconds.get(),
            workflows,
            log: EventLog::new(store.clone(), LOG_READERS),
            store,
            consolidated: engine.consolidated().clone(),
            engine,
            hub,
            realtime: config.realtime.clone(),
            tickets,
            connections: Connections::new(config.realtime.max_connections_per_principal.get()),
            messages: messages(&config)?,
            is_open: config.auth.disabled,
            issuer_keys: access.issuer_keys(),
            redis: limits.redis_health().and_of(cache.as_ref().map(Cache::answers)),
            protection,
            cors: config.cors.clone(),
            sockets: TaskTracker::new(),
            prometheus,
            draining: CancellationToken::new(),
        });
        let tunnels = Tunnels::new(api.sockets.clone(), api.draining.clone());
        let guards = Guards { access: &access, limits: &limits };
        let around = Around { guards: &guards, cache: cache.as_ref(), clients: &clients, tunnels };
        let proxied = stack::proxied(&table(&config)?, &config, &around)?;
        let admin = entrance.admin.take();
        let fronts = Fronts::build(&config, &api, cache.as_ref(), &guards, exchanges, proxied, admin);
        let beside = Beside { access, limits, cache, checks, certificates, dropped_lines: None };
        Ok(Self { entrance, fronts, api, beside, config })
    }

    /// Counts the log lines that could not be written among the metrics.
    #[must_use]
    pub fn count_dropped_lines(mut self, lines: DroppedLines) -> Self {
        self.beside.dropped_lines = Some(lines);
        self
    }

    /// Where it listens, with the port that was chosen if the configuration says 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.entrance.address
    }

    /// Where it sends those who come without TLS, if it does.
    #[must_use]
    pub fn redirect_address(&self) -> Option<SocketAddr> {
        self.entrance.redirecting.as_ref().map(|redirecting| redirecting.address)
    }

    /// Where it listens for operators, if it does.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.fronts.operators.as_ref().map(|operators| operators.address)
    }

    /// Serves until `shutdown`, then drains: requests and executions under way finish within the grace period,
    /// WebSockets are told goodbye, everything recorded is written down.
    ///
    /// # Errors
    ///
    /// When unfinished executions cannot be taken up.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, BuildError> {
        let Self { entrance, fronts, api, beside, config } = self;
        let resumed = api.store.requeue_running().await?;
        api.queue.start(config.executions.workers.get());
        let running = beside.start(&api, &config);
        tracing::info!(address = %entrance.address, resumed, "listening");
        let grace = config.server.grace_seconds.get();
        let told = async {
            shutdown.await;
            tracing::info!("draining");
            api.draining.cancel();
            api.hub.close();
        };
        let others = async {
            api.draining.cancelled().await;
            api.queue.drain(grace).await;
        };
        let operated = async {
            if let Some(operators) = fronts.operators {
                operators.serve(api.draining.cancelled()).await;
            }
        };
        let served = async {
            // Boxed, as that of `build` is.
            let served = Box::pin(entrance.serve(fronts.clients, told, api.draining.cancelled())).await;
            // It may not have come as far as to be told.
            api.draining.cancel();
            served
        };
        let (served, (), ()) = tokio::join!(served, others, operated);
        let (drained, cores) = served?;
        running.end(&api).await;
        drop(cores);
        tracing::info!(finished = drained.finished, aborted = drained.aborted, "drained");
        Ok(drained)
    }
}

/// Whether a gateway of this configuration lets in somebody, with keys and secrets that can be used, and how often, and whether it
/// can call its services.
///
/// # Errors
///
/// [`BuildError`], as [`App::build`] would have it.
pub fn check_access(config: &Config) -> Result<(), BuildError> {
    config.check_access()?;
    Triggers::check(&config.triggers, &Workflows::new(config.workflows.clone()))?;
    limits(config)?;
    database::check(config)?;
    tls::tls(&config.server.tls)?;
    Clients::new(&config.services, &config.proxy)?;
    access(config).map(drop)
}

/// Brings the schema of the database up to date, whatever `database.migrate` says, and leaves.
///
/// # Errors
///
/// [`BuildError`] when the database cannot be opened or changed.
pub async fn migrate(mut config: Config) -> Result<(), BuildError> {
    config.database.migrate = true;
    let store = database::open(&config).await?;
    Ok(store.close(STORE_GRACE).await?)
}

fn hub(config: &Config, store: &Store) -> Hub {
    let (subscribers, pending) = (&config.realtime.max_subscribers, &config.realtime.max_pending_events);
    Hub::new(subscribers.get(), pending.get(), *store.committed_events().borrow())
}

/// What subscribers say, by principal.
fn messages(config: &Config) -> Result<MemoryLimiter, ConfigError> {
    let most = u32::try_from(config.realtime.max_messages_per_minute.get()).unwrap_or(u32::MAX);
    MemoryLimiter::new([Quota::per_minute(most)])
}

fn limits(config: &Config) -> Result<Limits, BuildError> {
    let templates: Vec<String> = api::templates().into_iter().chain(table(config)?.templates()).collect();
    Ok(Limits::new(config, &templates)?)
}

/// What is passed on, beside the gateway's own paths.
fn table(config: &Config) -> Result<Table, BuildError> {
    Ok(Table::new(config, &api::templates())?)
}

fn access(config: &Config) -> Result<(Access, Tickets), BuildError> {
    let tickets = Tickets::new(config.auth.ticket_seconds.get(), config.realtime.max_subscribers.get());
    Ok((Access::new(&config.auth, &tickets)?, tickets))
}

impl BuildError {
    /// Whether the configuration is at fault, and not the machine.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        let is_url =
            matches!(self, Self::Store { source: StoreError::Url { .. } | StoreError::Certificates { .. } });
        is_url
            || matches!(self, Self::Access(_) | Self::Client(_) | Self::Inherited { .. } | Self::Trigger(_))
    }
}

/// The OpenAPI document of the routes, as JSON.
///
/// # Errors
///
/// When it cannot be written.
pub fn openapi() -> Result<String, serde_json::Error> {
    api::document().to_pretty_json()
}

fn server_options(server: &ServerConfig) -> ServerOptions {
    let small = |count: Count| u32::try_from(count.get()).unwrap_or(u32::MAX);
    ServerOptions {
        header_read_timeout: server.header_read_timeout_seconds.get(),
        idle_timeout: server.idle_timeout_seconds.get(),
        max_requests_per_connection: small(server.max_requests_per_connection),
        max_header_bytes: small(server.max_header_bytes),
        max_headers: server.max_headers.get(),
        write_stall_timeout: server.write_stall_timeout_seconds.get(),
        max_connections: server.max_connections.get(),
        max_abandoned_requests: small(server.max_abandoned_requests),
        http2_max_concurrent_streams: small(server.http2_max_concurrent_streams),
        http2_max_pending_reset_streams: server.http2_max_pending_reset_streams.get(),
        http2_max_faulty_streams: server.http2_max_faulty_streams.get(),
        http2_max_send_buffer_bytes: server.http2_max_send_buffer_bytes.get(),
        grace: server.grace_seconds.get(),
        linger: server.linger_seconds.get(),
        ..ServerOptions::default()
    }
}

fn engine(config: &Config, clients: Clients, store: &Store, traffic: &Arc<Traffic>) -> Engine {
    let (events, calls, metrics) = (Events::new(store.clone()), Calls::default(), &config.metrics);
    let sources = Sources::new(clients.clone(), calls.clone(), metrics.timeout_seconds.get());
    let rule =
        HealthRule { slow: metrics.slow_seconds.get(), offline_after: metrics.offline_after_seconds.get() };
    let consolidated = Consolidated::new(
        sources,
        rule,
        metrics.cache_seconds.get(),
        Arc::clone(traffic),
        Reporter::new(events.clone(), store.clone()),
    );
    Engine::new(clients, events, consolidated, calls)
}
