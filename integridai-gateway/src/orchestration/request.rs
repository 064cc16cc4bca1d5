//! What a client asks for, checked: either something that can be done, or every field that is wrong.

use std::time::Duration;

use integridai_tower::client::integridai::{Provider, RawJson};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::check::{Check, Place};
use super::options::Options;
use super::{Start, cuit, exact};
use crate::config::WorkflowsConfig;
use crate::respond::FieldError;
use crate::store::Priority;

/// The workflows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum WorkflowName {
    /// Analyse a provider and tell the Dashboard.
    CompleteAnalysis,
    /// Tell the Dashboard of a training session.
    TrainingSync,
    /// Gather the consolidated metrics anew.
    MetricsUpdate,
}

impl WorkflowName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CompleteAnalysis, Self::TrainingSync, Self::MetricsUpdate];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CompleteAnalysis => "complete_analysis",
            Self::TrainingSync => "training_sync",
            Self::MetricsUpdate => "metrics_update",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workflow| workflow.as_str() == name)
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Job {
    /// Analyse this provider.
    CompleteAnalysis(Box<Provider>),
    /// Sync a session.
    TrainingSync(Training),
    /// Gather metrics.
    MetricsUpdate,
}

/// A training session to sync.
#[derive(Debug, Clone)]
pub struct Training {
    /// Where it comes from.
    pub session: SessionSource,
    /// Whose training it is, as the request says.
    pub user_id: Option<String>,
}

/// Where the training session comes from.
#[derive(Debug, Clone)]
pub enum SessionSource {
    /// It came with the request.
    Inline(RawJson),
    /// FLAISimulator has it under this id.
    ById(String),
}

/// A request that can be done.
#[derive(Debug, Clone)]
pub struct ExecuteRequest {
    /// What is to be done.
    pub job: Job,
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
    pub workflow: Option<WorkflowName>,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
}

const MAX_NAME: usize = 200;
const MAX_SECTOR: usize = 100;
const MAX_ID: usize = 100;

impl ExecuteRequest {
    /// Checks a request; `text` is the document that it was read from. `outlasts`: its head lets it go on after it
    /// was answered.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with a pointer (RFC 6901) to each wrong field.
    pub fn parse(
        request: Value,
        text: &str,
        config: &WorkflowsConfig,
        outlasts: bool,
    ) -> Result<Self, Invalid> {
        let mut check = Check::default();
        let mut fields = check.object("", Some(request));
        check.only_known("", &fields, &["workflow", "payload", "options"]);
        let workflow = workflow(&mut check, fields.get("workflow"));
        let Options { is_async, priority, timeout, start } =
            Options::read(&mut check, fields.remove("options"), config, outlasts);
        let job = payload(&mut check, workflow, fields, text, config);
        finish(check, workflow, job).map(|job| Self { job, is_async, priority, timeout, start })
    }

    /// What is to be done by a request that was accepted before, whatever its options.
    ///
    /// # Errors
    ///
    /// [`Invalid`], when it would not be accepted any more.
    pub fn job_of(request: Value, text: &str, config: &WorkflowsConfig) -> Result<Job, Invalid> {
        let mut check = Check::default();
        let fields = check.object("", Some(request));
        let workflow = workflow(&mut check, fields.get("workflow"));
        let job = payload(&mut check, workflow, fields, text, config);
        finish(check, workflow, job)
    }
}

fn finish(check: Check, workflow: Option<WorkflowName>, job: Option<Job>) -> Result<Job, Invalid> {
    match (job, check.finish()) {
        (Some(job), Ok(())) => Ok(job),
        (_, outcome) => Err(Invalid { workflow, errors: outcome.err().unwrap_or_default() }),
    }
}

fn payload(
    check: &mut Check,
    workflow: Option<WorkflowName>,
    mut fields: Map<String, Value>,
    text: &str,
    config: &WorkflowsConfig,
) -> Option<Job> {
    let mut payload = match (workflow, fields.remove("payload")) {
        (Some(WorkflowName::MetricsUpdate), None | Some(Value::Null)) => Map::new(),
        (_, payload) => check.object("/payload", payload),
    };
    let user_id = check.optional_text(("/payload", "user_id"), payload.remove("user_id").as_ref(), MAX_ID);
    if check.found("/payload") {
        return None;
    }
    workflow.and_then(|name| job(check, name, payload, user_id, text, config))
}

fn workflow(check: &mut Check, name: Option<&Value>) -> Option<WorkflowName> {
    let found = name.and_then(Value::as_str).and_then(WorkflowName::parse);
    if found.is_none() {
        let names = WorkflowName::ALL.map(WorkflowName::as_str).join(", ");
        check.note("/workflow", format!("expected one of {names}"));
    }
    found
}

fn job(
    check: &mut Check,
    name: WorkflowName,
    payload: Map<String, Value>,
    user_id: Option<String>,
    text: &str,
    config: &WorkflowsConfig,
) -> Option<Job> {
    match name {
        WorkflowName::CompleteAnalysis => {
            provider(check, payload, text, config).map(|provider| Job::CompleteAnalysis(Box::new(provider)))
        }
        WorkflowName::TrainingSync => {
            session(check, payload).map(|session| Job::TrainingSync(Training { session, user_id }))
        }
        WorkflowName::MetricsUpdate => Some(Job::MetricsUpdate),
    }
}

/// The provider stands in `payload.provider`, or its fields are the payload's own.
fn provider(
    check: &mut Check,
    mut payload: Map<String, Value>,
    text: &str,
    config: &WorkflowsConfig,
) -> Option<Provider> {
    let (at, path, mut fields) = match payload.remove("provider") {
        None => ("/payload", &["payload"][..], payload),
        nested => {
            let fields = check.object("/payload/provider", nested);
            ("/payload/provider", &["payload", "provider"][..], fields)
        }
    };
    if check.found("/payload/provider") {
        return None;
    }
    let name = check.text((at, "name"), fields.remove("name").as_ref(), MAX_NAME);
    let cuit = check.text((at, "cuit"), fields.remove("cuit").as_ref(), cuit::MAX_LEN);
    let sector = check.text((at, "sector"), fields.remove("sector").as_ref(), MAX_SECTOR);
    if let Some(Err(expected)) = cuit.as_deref().map(|text| cuit::check(text, config.verify_cuit_check_digit))
    {
        check.note(format!("{at}/cuit"), expected);
    }
    for (key, is_right, expected) in [
        ("documents", Value::is_array as fn(&Value) -> bool, "expected an array"),
        ("contact_email", Value::is_string, "expected a string"),
        ("additional_data", Value::is_object, "expected an object"),
    ] {
        if fields.get(key).is_some_and(|value| !value.is_null() && !is_right(value)) {
            check.note(format!("{at}/{key}"), expected);
        }
    }
    let mut provider = Provider::new(name?, cuit?, sector?);
    if !fields.is_empty() {
        provider.other = exact::members(text, path).expect("the fields were read from this text");
        provider.other.retain(|name, _| fields.contains_key(name));
    }
    Some(provider)
}

/// An id that would name another path than that of a session is none.
fn session_id(check: &mut Check, at: Place<'_>, id: Option<&Value>) -> Option<SessionSource> {
    let id = check.text(at, id, MAX_ID)?;
    if id == "." || id == ".." {
        check.note_at(at, "expected a session id");
        return None;
    }
    Some(SessionSource::ById(id))
}

/// A session is an object; its id alone, as a string or as the object's only member, asks for it to be fetched.
fn session(check: &mut Check, mut payload: Map<String, Value>) -> Option<SessionSource> {
    const AT: &str = "/payload/training_session";
    const ID: &str = "session_id";
    match payload.remove("training_session") {
        Some(Value::Object(mut session)) => match (session.len(), session.remove(ID)) {
            (1, Some(id)) => session_id(check, (AT, ID), Some(&id)),
            (0, _) => {
                check.note(AT, "expected a session, or a session_id");
                None
            }
            (_, id) => {
                session.extend(id.map(|id| (ID.to_owned(), id)));
                let raw = RawJson::from_serialize(&session).expect("a JSON object serialises");
                Some(SessionSource::Inline(raw))
            }
        },
        Some(id @ Value::String(_)) => session_id(check, ("/payload", "training_session"), Some(&id)),
        None if payload.contains_key(ID) => session_id(check, ("/payload", ID), payload.get(ID)),
        _ => {
            check.note(AT, "expected a session object or a session id");
            None
        }
    }
}
