//! Events that start workflows.
//!
//! An event of a configured type becomes an execution in the queue, with the event's data as its payload, in the transaction that
//! writes it into the log: an event that is there has had its effect, and one that comes twice (same source and id) has none any
//! more. The id of the execution is that of the event. What keeps a loop from going on: the executions of one correlation id,
//! which services hand on, are counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use integridai_tower::CorrelationId;
use serde::Deserialize;
use uuid::Uuid;

use super::queue::execution;
use super::{Caller, ExecuteRequest, Invalid, NotAccepted, Queue, Start, Workflows};
use crate::config::TriggersConfig;
use crate::store::{
    Appended, Execution, JsonText, NewExecution, NewStart, Priority, Started, Store, StoreError, SystemEvent,
};

/// What an event started.
#[derive(Debug)]
pub enum Triggered {
    /// Nothing: no workflow is for its type, or it had started nothing when it came before.
    Nothing,
    /// This execution.
    Started(Uuid),
    /// This execution, when it came before.
    Before(Uuid),
    /// Nothing, although a workflow is for its type.
    Refused(NotTriggered),
}

/// Why an event that should have started a workflow did not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTriggered {
    /// Its correlation id has as many executions as may be.
    #[error("a loop: the correlation id has {0} executions")]
    TooMany(u64),
    /// Its data is no payload of the workflow.
    #[error("the event's data is no payload of {workflow}")]
    Invalid {
        /// The workflow.
        workflow: String,
        /// What is wrong with it.
        invalid: Invalid,
    },
}

/// A trigger names a workflow that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("triggers.workflows.{event_type:?}: there is no workflow {workflow:?}; there are {known}")]
#[non_exhaustive]
pub struct UnknownWorkflow {
    /// The type of the events.
    pub event_type: String,
    /// The name.
    pub workflow: String,
    /// The names that there are.
    pub known: String,
}

/// Starts workflows. A clone is the same.
#[derive(Debug, Clone)]
pub struct Triggers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    by_type: BTreeMap<String, String>,
    max_per_correlation: u64,
    workflows: Workflows,
    queue: Queue,
    store: Store,
}

impl Triggers {
    /// Whether every workflow that is named is there.
    ///
    /// # Errors
    ///
    /// [`UnknownWorkflow`]
    pub fn check(config: &TriggersConfig, workflows: &Workflows) -> Result<(), UnknownWorkflow> {
        let unknown = config.workflows.iter().find(|(_, workflow)| workflows.find(workflow).is_none());
        let Some((event_type, workflow)) = unknown else { return Ok(()) };
        let known = workflows.names().collect::<Vec<_>>().join(", ");
        Err(UnknownWorkflow { event_type: event_type.clone(), workflow: workflow.clone(), known })
    }

    /// Triggers as configured.
    ///
    /// # Errors
    ///
    /// [`UnknownWorkflow`]
    pub fn new(
        config: &TriggersConfig,
        workflows: Workflows,
        queue: Queue,
        store: Store,
    ) -> Result<Self, UnknownWorkflow> {
        Self::check(config, &workflows)?;
        let shared = Shared {
            by_type: config.workflows.clone(),
            max_per_correlation: config.max_per_correlation.get() as u64,
            workflows,
            queue,
            store,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Writes events into the log together with what they start, all of it or nothing. One that can start nothing because of
    /// what it says is none the less written. What is started is the publisher's, as if it had asked for it.
    ///
    /// # Errors
    ///
    /// [`NotAccepted`]: nothing was written.
    pub async fn publish(
        &self,
        events: Vec<SystemEvent>,
        publisher: &str,
    ) -> Result<Vec<(Appended, Triggered)>, NotAccepted> {
        let (mut starts, mut refused, mut counts) = (Vec::new(), HashMap::new(), HashMap::new());
        for (place, event) in events.iter().enumerate() {
            let Some(workflow) = self.shared.by_type.get(&event.event_type) else { continue };
            self.count(event.correlation_id.as_deref(), &mut counts).await?;
            match self.execution_of(workflow, event, publisher, &counts) {
                Ok(execution) => starts.push(NewStart { place, execution }),
                Err(error) => drop(refused.insert(place, (workflow, error))),
            }
        }
        let places: Vec<usize> = starts.iter().map(|start| start.place).collect();
        let workflows: Vec<String> = starts.iter().map(|start| start.execution.workflow.clone()).collect();
        let (appended, started) = self.shared.queue.publish(events, starts).await?;
        let mut triggered: HashMap<usize, Triggered> = HashMap::new();
        for ((place, workflow), started) in places.into_iter().zip(workflows).zip(started) {
            triggered.insert(place, of_start(started, workflow));
        }
        for (place, (workflow, error)) in refused {
            let outcome = self.of_refusal(appended.get(place), workflow, error).await?;
            triggered.insert(place, outcome);
        }
        let both = |(place, appended)| (appended, triggered.remove(&place).unwrap_or(Triggered::Nothing));
        Ok(appended.into_iter().enumerate().map(both).collect())
    }

    /// How many executions the correlation id had before any of this: those that come together are no loop.
    async fn count(&self, id: Option<&str>, counts: &mut HashMap<String, u64>) -> Result<(), StoreError> {
        if let Some(id) = id.filter(|id| !counts.contains_key(*id)) {
            let most = self.shared.max_per_correlation;
            let count = self.shared.store.executions_of_correlation(id.to_owned(), most).await?;
            counts.insert(id.to_owned(), count);
        }
        Ok(())
    }

    fn execution_of(
        &self,
        workflow: &str,
        event: &SystemEvent,
        publisher: &str,
        counts: &HashMap<String, u64>,
    ) -> Result<NewExecution, NotTriggered> {
        let count = event.correlation_id.as_ref().and_then(|id| counts.get(id)).copied().unwrap_or(0);
        if count >= self.shared.max_per_correlation {
            return Err(NotTriggered::TooMany(count));
        }
        let (request, body) = self.request(workflow, event)?;
        let correlation_id = event.correlation_id.as_deref().and_then(|id| id.parse().ok());
        let caller = Caller {
            correlation_id: correlation_id.unwrap_or_else(CorrelationId::generate),
            user_id: event.user_id.clone(),
            owner: event.owner.clone(),
            principal: match publisher {
                // Where nobody is told apart, sources are: each has its turn.
                "" => format!("event |{}", event.service_name),
                publisher => publisher.to_owned(),
            },
        };
        Ok(execution(event.id, &request, body, caller))
    }

    /// What was there already may have started its execution when there was room for one.
    async fn of_refusal(
        &self,
        appended: Option<&Appended>,
        workflow: &str,
        error: NotTriggered,
    ) -> Result<Triggered, StoreError> {
        if let Some(appended) = appended.filter(|appended| !appended.is_new)
            && self.shared.store.execution(appended.id).await?.is_some()
        {
            return Ok(Triggered::Before(appended.id));
        }
        let event = appended.map(|appended| appended.id.to_string());
        let cause = &error as &dyn std::error::Error;
        tracing::warn!(event, workflow, error = cause, "an event started nothing");
        count(workflow.to_owned(), "refused");
        Ok(Triggered::Refused(error))
    }

    /// The request that somebody would have made, with what it comes from.
    fn request(
        &self,
        workflow: &str,
        event: &SystemEvent,
    ) -> Result<(ExecuteRequest, JsonText), NotTriggered> {
        let own_id = event.id.to_string();
        let id = event.event_id.as_deref().unwrap_or(&own_id);
        let mut cause =
            serde_json::json!({ "source": event.service_name, "id": id, "type": event.event_type });
        if let Some(owner) = &event.owner {
            cause["owner"] = owner.as_str().into();
        }
        let name = serde_json::Value::from(workflow);
        let payload = event.payload.as_str();
        let text = format!(r#"{{"workflow":{name},"payload":{payload},"trigger":{cause}}}"#);
        let invalid = |invalid| NotTriggered::Invalid { workflow: workflow.to_owned(), invalid };
        let read = JsonText::read(&text);
        let (body, value) = read.map_err(|_| invalid(Invalid { workflow: None, errors: Vec::new() }))?;
        let workflows = &self.shared.workflows;
        let (workflow, job) = ExecuteRequest::job_of(value, body.as_str(), workflows).map_err(invalid)?;
        let timeout = workflows.config().async_default_timeout_seconds.get();
        let (is_async, priority, start) = (true, Priority::Normal, Start::Now);
        Ok((ExecuteRequest { workflow, job, is_async, priority, timeout, start }, body))
    }
}

/// Whom the events of an execution are for: of the user that its event was for, else of whoever asked for it.
pub(super) fn owner_of(execution: &Execution) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        trigger: Option<Cause>,
    }
    #[derive(Deserialize)]
    struct Cause {
        owner: Option<String>,
    }
    execution.user_id.as_ref()?;
    match execution.request.decode::<Body>().ok()?.trigger {
        Some(cause) => cause.owner,
        None => Some(execution.principal.clone()),
    }
}

fn of_start(started: Started, workflow: String) -> Triggered {
    match started {
        Started::Now(id) => {
            count(workflow, "started");
            Triggered::Started(id)
        }
        Started::Before(id) => Triggered::Before(id),
        Started::Nothing => Triggered::Nothing,
    }
}

fn count(workflow: String, outcome: &'static str) {
    metrics::counter!("integridai_triggers_total", "workflow" => workflow, "outcome" => outcome).increment(1);
}
