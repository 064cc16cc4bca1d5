//! Events that start workflows.
//!
//! An event of a configured type becomes an execution in the queue, with the event's data as its payload. An event that comes twice
//! (same source and id) starts one execution. Two bounds keep a loop from going on: an event carries how many workflows stand behind it
//! (its depth), and the executions of one correlation id, which services hand on, are counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use integridai_tower::CorrelationId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::queue::execution;
use super::{Caller, ExecuteRequest, Handed, Invalid, NotAccepted, Queue, Start, Workflows};
use crate::config::TriggersConfig;
use crate::store::{
    Appended, JsonText, KeyAnswer, NewKey, NewStart, Priority, Store, StoreError, SystemEvent,
};

/// What of an event decides whether and how it starts a workflow.
#[derive(Debug, Clone)]
pub struct TriggerEvent<'a> {
    /// Unique together with the source.
    pub id: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// What happened, such as `training.completed`.
    pub event_type: &'a str,
    /// The facts: the workflow's payload.
    pub data: &'a JsonText,
    /// The request that it belongs to.
    pub correlation_id: Option<&'a CorrelationId>,
    /// Who caused it.
    pub user_id: Option<&'a str>,
    /// How many workflows stand behind it, each started by the event of the one before.
    pub depth: u32,
}

/// What an event started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggered {
    /// Nothing: no workflow is for its type.
    Nothing,
    /// This execution.
    Started(Uuid),
    /// This execution, when it came before.
    Before(Uuid),
}

/// Why an event that should have started a workflow did not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTriggered {
    /// As many workflows stand behind it as may.
    #[error("a loop: {0} workflows were started by each other's events")]
    TooDeep(u32),
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
    /// The queue does not take it.
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
    /// The store cannot be asked.
    #[error("the executions cannot be counted")]
    Store(#[from] StoreError),
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
    max_depth: u32,
    max_per_correlation: u64,
    key_lifetime: Duration,
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

    /// Triggers as configured. An event is known again for `key_lifetime`.
    ///
    /// # Errors
    ///
    /// [`UnknownWorkflow`]
    pub fn new(
        config: &TriggersConfig,
        workflows: Workflows,
        queue: Queue,
        store: Store,
        key_lifetime: Duration,
    ) -> Result<Self, UnknownWorkflow> {
        Self::check(config, &workflows)?;
        let shared = Shared {
            by_type: config.workflows.clone(),
            max_depth: u32::try_from(config.max_depth.get()).unwrap_or(u32::MAX),
            max_per_correlation: config.max_per_correlation.get() as u64,
            key_lifetime,
            workflows,
            queue,
            store,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts what the event is for. Once this resolves with an execution, that will be done.
    ///
    /// # Errors
    ///
    /// [`NotTriggered`]: nothing was started.
    pub async fn on_event(&self, event: &TriggerEvent<'_>) -> Result<Triggered, NotTriggered> {
        let Some(workflow) = self.shared.by_type.get(event.event_type) else { return Ok(Triggered::Nothing) };
        let started = async {
            let start = self.prepare(workflow, event, 0).await?;
            let (_, mut handed) = self.shared.queue.publish(Vec::new(), vec![start]).await?;
            Ok(triggered(handed.remove(0)?))
        };
        let started = started.await;
        notice(workflow, event, started.as_ref().err());
        started
    }

    /// Writes events into the log together with what they start, all of it or nothing: an event that is there will have
    /// its effect, whatever happens. One that can start nothing because of what it says is none the less written.
    ///
    /// # Errors
    ///
    /// [`NotTriggered::NotAccepted`] or [`NotTriggered::Store`]: nothing was written.
    pub async fn publish(
        &self,
        events: Vec<SystemEvent>,
    ) -> Result<Vec<(Appended, Triggered)>, NotTriggered> {
        let mut starts: Vec<NewStart> = Vec::new();
        let mut places = Vec::with_capacity(events.len());
        for event in &events {
            let ahead = starts.iter().filter(|start| start.execution.correlation_id == event.correlation_id);
            let start = self.start_of(event, ahead.count() as u64).await?;
            places.push(start.is_some().then_some(starts.len()));
            starts.extend(start);
        }
        let (appended, handed) = self.shared.queue.publish(events, starts).await?;
        let mut handed: Vec<_> = handed.into_iter().map(Some).collect();
        let triggered = |place: Option<usize>| {
            let handed = place.and_then(|place| handed[place].take());
            // The key of an event of another type: its source has used the id twice.
            handed.and_then(Result::ok).map_or(Triggered::Nothing, triggered)
        };
        let triggered: Vec<_> = places.into_iter().map(triggered).collect();
        Ok(appended.into_iter().zip(triggered).collect())
    }

    async fn start_of(&self, event: &SystemEvent, ahead: u64) -> Result<Option<NewStart>, NotTriggered> {
        let Some(workflow) = self.shared.by_type.get(&event.event_type) else { return Ok(None) };
        let own_id = event.id.to_string();
        let correlation_id = event.correlation_id.as_deref().and_then(|id| id.parse().ok());
        let event = TriggerEvent {
            id: event.event_id.as_deref().unwrap_or(&own_id),
            source: &event.service_name,
            event_type: &event.event_type,
            data: &event.payload,
            correlation_id: correlation_id.as_ref(),
            user_id: event.user_id.as_deref(),
            depth: 0,
        };
        let start = self.prepare(workflow, &event, ahead).await;
        notice(workflow, &event, start.as_ref().err());
        match start {
            Ok(start) => Ok(Some(start)),
            Err(error @ (NotTriggered::NotAccepted(_) | NotTriggered::Store(_))) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The execution, which comes after so many others of its correlation id that are not counted yet.
    async fn prepare(
        &self,
        workflow: &str,
        event: &TriggerEvent<'_>,
        ahead: u64,
    ) -> Result<NewStart, NotTriggered> {
        self.check_for_a_loop(event, ahead).await?;
        let (request, body) = self.request(workflow, event)?;
        let key = NewKey {
            key: event.id.to_owned(),
            fingerprint: event.event_type.to_owned(),
            answer: KeyAnswer::Accepted,
            expires_at: OffsetDateTime::now_utc() + self.shared.key_lifetime,
        };
        let caller = Caller {
            correlation_id: event.correlation_id.cloned().unwrap_or_else(CorrelationId::generate),
            user_id: event.user_id.map(str::to_owned),
            // No principal of a caller has a blank before its first bar.
            principal: format!("event |{}", event.source),
        };
        Ok(NewStart { execution: execution(Uuid::now_v7(), &request, body, caller), key })
    }

    async fn check_for_a_loop(&self, event: &TriggerEvent<'_>, ahead: u64) -> Result<(), NotTriggered> {
        if event.depth >= self.shared.max_depth {
            return Err(NotTriggered::TooDeep(event.depth));
        }
        let Some(id) = event.correlation_id else { return Ok(()) };
        let count = self.shared.store.executions_of_correlation(id.as_str().to_owned()).await? + ahead;
        if count >= self.shared.max_per_correlation { Err(NotTriggered::TooMany(count)) } else { Ok(()) }
    }

    /// The request that somebody would have made, with what it comes from.
    fn request(
        &self,
        workflow: &str,
        event: &TriggerEvent<'_>,
    ) -> Result<(ExecuteRequest, JsonText), NotTriggered> {
        let cause = serde_json::json!({
            "source": event.source, "id": event.id, "type": event.event_type, "depth": event.depth + 1,
        });
        let name = serde_json::Value::from(workflow);
        let text = format!(r#"{{"workflow":{name},"payload":{},"trigger":{cause}}}"#, event.data.as_str());
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

fn triggered(handed: Handed) -> Triggered {
    match handed {
        Handed::Accepted(id) => Triggered::Started(id),
        Handed::Repeated(execution, _) => Triggered::Before(execution.id),
    }
}

fn notice(workflow: &str, event: &TriggerEvent<'_>, error: Option<&NotTriggered>) {
    if let Some(error) = error {
        let error = error as &dyn std::error::Error;
        tracing::warn!(event = event.id, source = event.source, workflow, error, "an event started nothing");
    }
    let outcome = if error.is_none() { "started" } else { "refused" };
    metrics::counter!("integridai_triggers_total", "workflow" => workflow.to_owned(), "outcome" => outcome)
        .increment(1);
}
