//! A queue of the gateway without a gateway around it.

use std::sync::Arc;
use std::time::Duration;

use integridai_gateway::config::Config;
use integridai_gateway::events::Events;
use integridai_gateway::orchestration::{
    Caller, Engine, ExecuteRequest, Handed, Queue, QueueOptions, Workflows,
};
use integridai_gateway::services::{Calls, Consolidated, HealthRule, Reporter, Sources, Traffic};
use integridai_gateway::stack::Clients;
use integridai_gateway::store::{JsonText, Store};
use integridai_tower::CorrelationId;
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) queue: Queue,
    workflows: Workflows,
}

impl Rig {
    pub(crate) fn new(config: &Config, store: Store, workflows: Workflows) -> Self {
        let options = QueueOptions::from(&config.executions);
        let queue = Queue::new(engine(config, &store), store, workflows.clone(), options);
        Self { queue, workflows }
    }

    /// Returns once it is stored.
    pub(crate) async fn hand_in(&self, workflow: &str, number: usize, principal: &str, priority: &str) {
        let text = format!(
            r#"{{"workflow":"{workflow}","payload":{{"number":{number}}},"options":{{"async":true,"priority":"{priority}"}}}}"#
        );
        let value = serde_json::from_str(&text).expect("JSON");
        let request = ExecuteRequest::parse(value, &text, &self.workflows, true).expect("it can be done");
        let body = JsonText::parse(text).expect("JSON");
        let caller = Caller {
            owner: None,
            correlation_id: CorrelationId::generate(),
            user_id: None,
            principal: principal.to_owned(),
        };
        let handed = self.queue.accept(Uuid::now_v7(), &request, body, caller, None).await;
        assert!(matches!(handed, Ok(Handed::Accepted(_))), "{handed:?}");
    }
}

fn engine(config: &Config, store: &Store) -> Engine {
    let (clients, _) = Clients::new(&config.services, &config.proxy).expect("clients");
    let (events, calls) = (Events::new(store.clone()), Calls::default());
    let sources = Sources::new(clients.clone(), calls.clone(), Duration::from_secs(1));
    let rule = HealthRule { slow: Duration::from_secs(1), offline_after: Duration::from_secs(1) };
    let consolidated = Consolidated::new(
        sources,
        rule,
        Duration::from_secs(1),
        Arc::new(Traffic::new(Duration::from_secs(60))),
        Reporter::new(events.clone(), store.clone()),
    );
    Engine::new(clients, events, consolidated, calls)
}
