//! What a client asks for, checked: either something that can be done, or every field that is wrong.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::check::Check;
use super::options::Options;
use super::{Job, Payload, Start, Workflow, Workflows};
use crate::config::WorkflowsConfig;
use crate::respond::FieldError;
use crate::store::Priority;

/// A request that can be done.
#[derive(Debug, Clone)]
pub struct ExecuteRequest {
    /// The name of the workflow.
    pub workflow: &'static str,
    /// What is to be done.
    pub job: Arc<dyn Job>,
    /// Whether the client waits for the end.
    pub is_async: bool,
    /// How urgent it is, if it is queued.
    pub priority: Priority,
    /// How long it may take, from when it is due to its end.
    pub timeout: Duration,
    /// When it is due, if it is queued.
    pub start: Start,
}

/// A request that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The workflow, if that was right.
    pub workflow: Option<&'static str>,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
}

pub(super) const MAX_ID: usize = 100;

impl ExecuteRequest {
    /// Checks a request; `text` is the document that it was read from. `outlasts`: its head lets it go on after it
    /// was answered.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with a pointer (RFC 6901) to each wrong field.
    pub fn parse(request: Value, text: &str, workflows: &Workflows, outlasts: bool) -> Result<Self, Invalid> {
        let mut check = Check::default();
        let mut fields = check.object("", Some(request));
        check.only_known("", &fields, &["workflow", "payload", "options"]);
        let workflow = workflow(&mut check, fields.get("workflow"), workflows);
        let Options { is_async, priority, timeout, start } =
            Options::read(&mut check, fields.remove("options"), workflows.config(), outlasts);
        let job = prepare(&mut check, workflow, fields, text, workflows.config());
        let (workflow, job) = finish(check, workflow, job)?;
        Ok(Self { workflow, job, is_async, priority, timeout, start })
    }

    /// What is to be done by a request that was accepted before, whatever its options, with the workflow's name.
    ///
    /// # Errors
    ///
    /// [`Invalid`], when it would not be accepted any more.
    pub fn job_of(
        request: Value,
        text: &str,
        workflows: &Workflows,
    ) -> Result<(&'static str, Arc<dyn Job>), Invalid> {
        let mut check = Check::default();
        let fields = check.object("", Some(request));
        let workflow = workflow(&mut check, fields.get("workflow"), workflows);
        let job = prepare(&mut check, workflow, fields, text, workflows.config());
        finish(check, workflow, job)
    }
}

fn finish(
    check: Check,
    workflow: Option<Workflow>,
    job: Option<Arc<dyn Job>>,
) -> Result<(&'static str, Arc<dyn Job>), Invalid> {
    match (workflow, job, check.finish()) {
        (Some(workflow), Some(job), Ok(())) => Ok((workflow.name, job)),
        (workflow, _, outcome) => {
            let errors = outcome.err().unwrap_or_default();
            Err(Invalid { workflow: workflow.map(|workflow| workflow.name), errors })
        }
    }
}

fn workflow(check: &mut Check, name: Option<&Value>, workflows: &Workflows) -> Option<Workflow> {
    let found = name.and_then(Value::as_str).and_then(|name| workflows.find(name));
    if found.is_none() {
        let names: Vec<&str> = workflows.names().collect();
        check.note("/workflow", format!("expected one of {}", names.join(", ")));
    }
    found
}

fn prepare(
    check: &mut Check,
    workflow: Option<Workflow>,
    mut fields: Map<String, Value>,
    text: &str,
    config: &WorkflowsConfig,
) -> Option<Arc<dyn Job>> {
    let is_optional = workflow.is_some_and(|workflow| workflow.payload_is_optional);
    let mut fields = match fields.remove("payload") {
        None | Some(Value::Null) if is_optional => Map::new(),
        payload => check.object("/payload", payload),
    };
    let user_id = check.optional_text(("/payload", "user_id"), fields.remove("user_id").as_ref(), MAX_ID);
    if check.found("/payload") {
        return None;
    }
    (workflow?.prepare)(Payload { fields, user_id, text, config }, check)
}
