//! Builds the gateway from its configuration and runs it. Nothing imports this but `main` and tests.

mod beside;
mod database;
mod entrance;
mod generation;
mod inherited;
mod lasting;
mod operators;
mod probe;
mod redirect;
mod reloading;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use integridai_tower::ConfigError;
use tokio_util::task::AbortOnDropHandle;

use self::beside::{Running, STORE_GRACE};
use self::entrance::Entrance;
pub use self::inherited::Inherited;
use self::lasting::Lasting;
use self::operators::Operators;
pub use self::probe::probe;
use self::reloading::Reloading;
use crate::api;
use crate::config::{Config, Count, ServerConfig};
use crate::orchestration::{Triggers, UnknownWorkflow, Workflows};
use crate::server::{Drained, ServerOptions};
pub use crate::services::{NotReloaded, Reloaded, Reloads};
use crate::stack::{Access, Clients};
pub use crate::stack::{Grant, MintedKey, demo_credentials, mint_api_key, mint_token};
use crate::store::StoreError;
use crate::telemetry::{self, DroppedLines, LogFilter, TelemetryError};

/// A gateway that is bound and wired, and about to run.
#[derive(Debug)]
pub struct App {
    entrance: Entrance,
    certificates: Option<tls::Files>,
    operators: Option<Operators>,
    reloading: Reloading,
    config: Config,
    dropped_lines: Option<DroppedLines>,
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
        let (clients, _) = Clients::new(&config.services, &config.proxy)?;
        let lasting = Lasting::open(&config, workflows, clients, prometheus).await?;
        let reloading = Reloading::new(&config, lasting)?;
        let operators = entrance.admin.take().map(|bound| Operators::new(&config, bound));
        Ok(Self { entrance, certificates, operators, reloading, config, dropped_lines: None })
    }

    /// Counts the log lines that could not be written among the metrics.
    #[must_use]
    pub fn count_dropped_lines(mut self, lines: DroppedLines) -> Self {
        self.dropped_lines = Some(lines);
        self
    }

    /// Lets operators, and `logs.filter` of a configuration that is loaded again, say which events are logged.
    #[must_use]
    pub fn filter_logs_by(self, filter: LogFilter) -> Self {
        // Whoever says it again says the same: a process logs once.
        let _ = self.reloading.lasting.log_filter.set(filter);
        self
    }

    /// Loads the configuration by `load`, on a thread that may wait, whenever somebody [asks](Self::reloads) for it.
    #[must_use]
    pub fn load_again_by(
        mut self,
        load: impl Fn() -> Result<Config, crate::config::ConfigError> + Send + Sync + 'static,
    ) -> Self {
        self.reloading.load_by(Arc::new(load));
        self
    }

    /// Has the configuration loaded again, once the gateway runs.
    #[must_use]
    pub fn reloads(&self) -> Reloads {
        self.reloading.reloads.clone()
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
        self.operators.as_ref().map(|operators| operators.address)
    }

    /// Serves until `shutdown`, then drains: requests and executions under way finish within the grace period,
    /// WebSockets are told goodbye, everything recorded is written down.
    ///
    /// # Errors
    ///
    /// When unfinished executions cannot be taken up.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Drained, BuildError> {
        let Self { entrance, certificates, operators, reloading, config, dropped_lines } = self;
        let lasting = reloading.lasting.clone();
        let resumed = lasting.store.requeue_running().await?;
        lasting.queue.start(config.executions.workers.get());
        let running = Running::start(&lasting, &config, certificates, dropped_lines);
        let revision = reloading.reloads.in_force().revision.clone();
        tracing::info!(address = %entrance.address, resumed, revision, "listening");
        let grace = config.server.grace_seconds.get();
        let told = async {
            shutdown.await;
            tracing::info!("draining");
            lasting.draining.cancel();
            lasting.hub.close();
        };
        let others = async {
            lasting.draining.cancelled().await;
            lasting.queue.drain(grace).await;
        };
        let (routes, admin) = (reloading.routes.clone(), reloading.admin.clone());
        let operated = async {
            if let (Some(operators), Some(routes)) = (operators, admin) {
                operators.serve(routes, lasting.draining.cancelled()).await;
            }
        };
        let served = async {
            // Boxed, as that of `build` is.
            let served = Box::pin(entrance.serve(routes, told, lasting.draining.cancelled())).await;
            // It may not have come as far as to be told.
            lasting.draining.cancel();
            served
        };
        // A task of its own: whatever it builds, connections are accepted meanwhile.
        let reloading = AbortOnDropHandle::new(tokio::spawn(reloading.run(lasting.draining.clone())));
        let (served, (), (), last) = tokio::join!(served, others, operated, reloading);
        running.end(&lasting, last.ok()).await;
        // Upgraded connections live on them, and have said goodbye.
        let (drained, cores) = served?;
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
    generation::limits(config, None)?;
    database::check(config)?;
    tls::tls(&config.server.tls)?;
    Clients::new(&config.services, &config.proxy)?;
    Ok(Access::new(&config.auth, None, None).map(drop)?)
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
