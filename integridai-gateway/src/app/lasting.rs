//! What is made once and lasts as long as the gateway runs, whatever configuration is in force.

use std::sync::{Arc, OnceLock};

use integridai_tower::ConfigError;
use integridai_tower::rate_limit::{MemoryLimiter, Quota};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{BuildError, database};
use crate::api::Api;
use crate::config::Config;
use crate::events::{EventLog, Events, Hub};
use crate::orchestration::{Engine, Queue, QueueOptions, Triggers, Workflows};
use crate::proxy::Tunnels;
use crate::services::{
    Calls, Connections, Consolidated, Exchanges, HealthRule, IssuerKeys, Protection, Publishers, RedisHealth,
    Reporter, Sources, Tickets, Traffic,
};
use crate::stack::{Clients, CurrentClients};
use crate::store::Store;
use crate::telemetry::{LogFilter, PrometheusHandle};

/// The store, the queue, the events and whoever listens to them, and whom they call.
#[derive(Debug, Clone)]
pub(super) struct Lasting {
    pub(super) store: Store,
    pub(super) hub: Hub,
    pub(super) queue: Queue,
    pub(super) consolidated: Consolidated,
    pub(super) clients: CurrentClients,
    pub(super) tickets: Tickets,
    pub(super) sockets: TaskTracker,
    pub(super) draining: CancellationToken,
    pub(super) prometheus: PrometheusHandle,
    pub(super) exchanges: Exchanges,
    pub(super) tunnels: Tunnels,
    /// What is leased in Redis is given back by these.
    pub(super) returns: TaskTracker,
    /// Where the process logs by one.
    pub(super) log_filter: Arc<OnceLock<LogFilter>>,
    engine: Engine,
    triggers: Triggers,
    workflows: Workflows,
    log: EventLog,
    connections: Connections,
    messages: MemoryLimiter,
}

/// What the routes use, and another configuration may have otherwise.
pub(super) struct Varying {
    pub(super) issuer_keys: IssuerKeys,
    pub(super) redis: RedisHealth,
    pub(super) protection: Protection,
}

/// Subscribers that catch up from the log at the same time; others wait for their turn.
const LOG_READERS: usize = 32;

impl Lasting {
    /// Opens the store, and wires what calls the services in `clients`.
    pub(super) async fn open(
        config: &Config,
        workflows: Workflows,
        clients: Clients,
        prometheus: PrometheusHandle,
    ) -> Result<Self, BuildError> {
        let clients = CurrentClients::from(clients);
        let store = database::open(config).await?;
        let traffic = Arc::new(Traffic::new(config.metrics.window_seconds.get()));
        let engine = engine(config, clients.clone(), &store, &traffic);
        let options = QueueOptions::from(&config.executions);
        let queue = Queue::new(engine.clone(), store.clone(), workflows.clone(), options);
        let (for_triggers, known) = (queue.clone(), workflows.clone());
        let triggers = Triggers::new(&config.triggers, known, for_triggers, store.clone())?;
        let (sockets, draining) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            hub: hub(config, &store),
            queue,
            consolidated: engine.consolidated().clone(),
            clients,
            tickets: tickets(config, &store),
            tunnels: Tunnels::new(sockets.clone(), draining.clone()),
            sockets,
            draining,
            prometheus,
            exchanges: Exchanges::new(traffic, config.database.api_calls.then(|| store.clone())),
            returns: TaskTracker::new(),
            log_filter: Arc::default(),
            engine,
            triggers,
            workflows,
            log: EventLog::new(store.clone(), LOG_READERS),
            connections: Connections::new(config.realtime.max_connections_per_principal.get()),
            messages: messages(config)?,
            store,
        })
    }

    /// What the routes use.
    pub(super) fn api(&self, config: &Config, varying: Varying) -> Api {
        let Varying { issuer_keys, redis, protection } = varying;
        Api {
            engine: self.engine.clone(),
            queue: self.queue.clone(),
            triggers: self.triggers.clone(),
            publishers: Publishers::new(&config.events, &config.auth),
            key_lifetime: config.executions.key_seconds.get(),
            workflows: self.workflows.clone(),
            store: self.store.clone(),
            consolidated: self.consolidated.clone(),
            hub: self.hub.clone(),
            log: self.log.clone(),
            realtime: config.realtime.clone(),
            tickets: self.tickets.clone(),
            connections: self.connections.clone(),
            messages: self.messages.clone(),
            issuer_keys,
            redis,
            protection,
            is_open: config.auth.disabled,
            cors: config.cors.clone(),
            sockets: self.sockets.clone(),
            prometheus: self.prometheus.clone(),
            draining: self.draining.clone(),
        }
    }
}

/// What browsers subscribe with: as many as somebody may have connections, for nobody can use more.
fn tickets(config: &Config, store: &Store) -> Tickets {
    let realtime = &config.realtime;
    let max_open = match config.auth.disabled {
        true => realtime.max_subscribers,
        false => realtime.max_connections_per_principal,
    };
    Tickets::new(store.clone(), config.auth.ticket_seconds.get(), max_open.get())
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

fn engine(config: &Config, clients: CurrentClients, store: &Store, traffic: &Arc<Traffic>) -> Engine {
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
