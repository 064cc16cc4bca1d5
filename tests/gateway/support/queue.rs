//! Queues without a gateway around them.

use std::path::Path;
use std::sync::Arc;

use integridai_gateway::config::Config;
use integridai_gateway::demo::Simulators;
use integridai_gateway::events::Events;
use integridai_gateway::orchestration::{Engine, Queue, QueueOptions, Workflows};
use integridai_gateway::services::{Calls, Consolidated, HealthRule, Reporter, Sources, Traffic};
use integridai_gateway::stack::Clients;
use integridai_gateway::store::{Store, StoreOptions};

use super::gateway::Settings;

/// A configuration over these services.
pub(crate) fn config(services: &Simulators, settings: Settings<'_>) -> Config {
    let urls = [
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", services.regtech.url()),
        ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", services.flaisimulator.url()),
        ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", services.dashboard.url()),
    ];
    let urls = urls.map(|(key, value)| (key.to_owned(), value));
    let others = settings.iter().map(|(key, value)| (format!("INTEGRIDAI_{key}"), (*value).to_owned()));
    Config::load(None, urls.into_iter().chain(others)).expect("the settings are right")
}

pub(crate) fn store(folder: &Path) -> Store {
    Store::open(StoreOptions::new(folder.join("gateway.db"))).expect("the store opens")
}

/// One more queue over the store. Needs a runtime.
pub(crate) fn queue(config: &Config, store: &Store) -> Queue {
    queue_with(config, store, Workflows::new(config.workflows.clone()))
}

pub(crate) fn queue_with(config: &Config, store: &Store, workflows: Workflows) -> Queue {
    let (clients, _) = Clients::new(&config.services, &config.proxy).expect("the services are right");
    let events = Events::new(store.clone());
    let (calls, second) = (Calls::default(), std::time::Duration::from_secs(1));
    let consolidated = Consolidated::new(
        Sources::new(clients.clone(), calls.clone(), second),
        HealthRule { slow: second, offline_after: second },
        second,
        Arc::new(Traffic::new(second)),
        Reporter::new(events.clone(), store.clone()),
    );
    let engine = Engine::new(clients, events, consolidated, calls);
    Queue::new(engine, store.clone(), workflows, QueueOptions::from(&config.executions))
}
