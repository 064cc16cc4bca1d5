//! `training_sync`: the Dashboard is told of a training session.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use integridai_tower::client::integridai::{MetricsUpdate, RawJson};
use integridai_tower::client::{ClientError, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::check::{Check, Place};
use super::journal::Done;
use super::request::MAX_ID;
use super::{Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult};
use crate::events::EventType;
use crate::timestamp;

/// The data of a `training_progress` event.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrainingUpdate<'a> {
    /// The execution's id.
    pub workflow_id: String,
    /// Whose training it is: the request's `payload.user_id`.
    #[schema(example = "user-7")]
    pub user_id: Option<&'a str>,
    /// The session as FLAISimulator or the client wrote it; `null` if it is larger than 64 KiB, as every subscriber
    /// would have to be sent it. The execution has it whole.
    #[schema(value_type = Option<Object>)]
    pub session: Option<&'a RawJson>,
    /// Whether the Dashboard was told.
    #[schema(example = true)]
    pub dashboard_updated: bool,
}

/// The largest session that an event carries, in bytes: events wait in memory for subscribers that are behind.
const MAX_EVENT_SESSION: usize = 64 * 1024;

pub(super) const WORKFLOW: Workflow = Workflow { name: "training_sync", payload_is_optional: false, prepare };

/// A training session to sync.
#[derive(Debug, Clone)]
struct Training {
    /// Where it comes from.
    session: SessionSource,
    /// Whose training it is, as the request says.
    user_id: Option<String>,
}

/// Where the training session comes from.
#[derive(Debug, Clone)]
enum SessionSource {
    /// It came with the request.
    Inline(RawJson),
    /// FLAISimulator has it under this id.
    ById(String),
}

fn prepare(payload: Payload<'_>, check: &mut Check) -> Option<Arc<dyn Job>> {
    let session = session(check, payload.fields)?;
    Some(Arc::new(Training { session, user_id: payload.user_id }))
}

impl Job for Training {
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        sync(engine, self, run).boxed()
    }
}

async fn sync(engine: &Engine, training: &Training, run: &mut Run) -> Result<WorkflowResult, WorkflowError> {
    let session = match &training.session {
        // Not the time of now: a call that is repeated after a restart has to carry the same bytes.
        SessionSource::Inline(session) => {
            Done { output: session.clone(), finished_at: timestamp::format(run.created_at) }
        }
        SessionSource::ById(id) => {
            fetch(engine, id, run).await.map_err(|error| unknown_or_failed(run, error))?
        }
    };
    tell(engine, &session, run).await.map_err(|error| {
        engine.dashboard_alert(run, &error);
        run.failed(error)
    })?;
    let update = TrainingUpdate {
        workflow_id: run.id.to_string(),
        user_id: training.user_id.as_deref(),
        session: (session.output.as_bytes().len() <= MAX_EVENT_SESSION).then_some(&session.output),
        dashboard_updated: true,
    };
    engine.emit(EventType::TrainingProgress, "flaisimulator", &update, run);
    Ok(WorkflowResult {
        training_session: Some(session.output),
        dashboard_updated: Some(true),
        ..WorkflowResult::of(run)
    })
}

async fn fetch(engine: &Engine, id: &str, run: &mut Run) -> Result<Done, ClientError> {
    let clients = engine.clients();
    let call = clients
        .flaisimulator
        .training_session(id)
        .deadline(run.deadline)
        .correlation_id(&run.correlation_id)
        .idempotency_key(run.idempotency_key("session"));
    let fetched = async { call.send().await.map(|answer| answer.session) };
    run.journal.step(&engine.calls, "flaisimulator.training_session", fetched).await
}

async fn tell(engine: &Engine, session: &Done, run: &mut Run) -> Result<(), ClientError> {
    let clients = engine.clients();
    let call = clients
        .dashboard
        .update_metrics(MetricsUpdate::TrainingUpdate(&session.output), &session.finished_at)
        .deadline(run.deadline)
        .correlation_id(&run.correlation_id)
        .idempotency_key(run.idempotency_key("dashboard"));
    let told = async { call.send().await.map(|()| RawJson::from(true)) };
    run.journal.step(&engine.calls, "dashboard.update_metrics", told).await.map(drop)
}

/// A session that FLAISimulator does not know is the client's mistake.
fn unknown_or_failed(run: &Run, error: ClientError) -> WorkflowError {
    match error.kind() {
        ErrorKind::Status { status: StatusCode::NOT_FOUND, .. } => WorkflowError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "flaisimulator does not know this training session",
        ),
        _ => run.failed(error),
    }
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
