//! What may be sent and what is pushed, for the document only: requests are checked by hand, to point at every wrong
//! field, and events are written once for all subscribers.

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::orchestration::{AnalysisResult, TrainingUpdate, Workflows};
use crate::services::{ConsolidatedMetrics, SystemAlert};

/// What is asked for.
#[derive(ToSchema)]
#[allow(dead_code, reason = "a shape")]
pub(super) struct OrchestrationRequest {
    workflow: WorkflowName,
    /// `complete_analysis`: a provider (`name`, `cuit`, `sector`, optionally `documents`, `contact_email`,
    /// `additional_data`; other members reach RegTech too), as `provider` or directly. `training_sync`:
    /// `training_session`, a session object or a session id. `metrics_update`: nothing. Any may have a `user_id`: whom
    /// it is about, not who asks, which the credentials tell.
    #[schema(value_type = Object)]
    payload: serde_json::Value,
    #[schema(required = false)]
    options: OrchestrationOptions,
}

/// How to do it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "a shape")]
pub(super) struct OrchestrationOptions {
    /// Answer 202 at once and do it later.
    #[schema(required = false, default = false)]
    r#async: bool,
    /// Which of those that wait goes first.
    #[schema(required = false, default = "normal")]
    priority: PriorityName,
    /// Seconds, fractions allowed; when they are over, calls to services are cancelled. Of what is asynchronous they
    /// begin when it is due, and count in the queue and between tries too.
    #[schema(required = false, example = 30, exclusive_minimum = 0)]
    timeout: f64,
    /// Only of what is asynchronous: seconds until it is due.
    #[schema(required = false, example = 60, exclusive_minimum = 0)]
    delay: f64,
    /// Only of what is asynchronous, and without `delay`: the moment at which it is due (RFC 3339).
    #[schema(required = false, example = "2026-11-24T10:00:00Z")]
    run_at: String,
}

#[derive(ToSchema)]
#[schema(as = Priority, rename_all = "lowercase")]
#[allow(dead_code, reason = "a shape")]
enum PriorityName {
    Low,
    Normal,
    High,
}

/// The workflows by name.
#[allow(dead_code, reason = "a shape")]
struct WorkflowName;

impl PartialSchema for WorkflowName {
    fn schema() -> RefOr<Schema> {
        let names = Workflows::OWN.map(|workflow| workflow.name);
        let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        names.description(Some("The workflows by name.")).into()
    }
}

impl ToSchema for WorkflowName {}

/// An event as a subscriber gets it.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code, clippy::large_enum_variant, reason = "a shape")]
pub(super) enum WebSocketEvent<'a> {
    /// The consolidated metrics were gathered.
    MetricsUpdate {
        data: ConsolidatedMetrics,
        /// When it happened.
        #[schema(example = "2026-11-24T10:00:00.000Z")]
        timestamp: String,
        /// Unique; ids sort by time.
        #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
        id: String,
        #[serde(flatten)]
        origin: EventOrigin,
    },
    /// A provider's analysis is there.
    AnalysisComplete {
        data: AnalysisResult<'static>,
        /// When it happened.
        #[schema(example = "2026-11-24T10:00:00.000Z")]
        timestamp: String,
        /// Unique; ids sort by time.
        #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
        id: String,
        #[serde(flatten)]
        origin: EventOrigin,
    },
    /// A training session moved on.
    TrainingProgress {
        data: TrainingUpdate<'a>,
        /// When it happened.
        #[schema(example = "2026-11-24T10:00:00.000Z")]
        timestamp: String,
        /// Unique; ids sort by time.
        #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
        id: String,
        #[serde(flatten)]
        origin: EventOrigin,
    },
    /// Something needs attention.
    SystemAlert {
        data: SystemAlert,
        /// When it happened.
        #[schema(example = "2026-11-24T10:00:00.000Z")]
        timestamp: String,
        /// Unique; ids sort by time.
        #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
        id: String,
        #[serde(flatten)]
        origin: EventOrigin,
    },
}

/// Where an event stands and comes from.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "a shape")]
pub(super) struct EventOrigin {
    /// Its place in the log: grows from event to event. What is not in the log, such as a notice to one subscriber, has
    /// none.
    #[schema(example = 4711, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<u64>,
    /// The service it comes from.
    #[schema(example = "regtech")]
    source: String,
    /// The request that caused it.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// What its source calls it, if it was handed in.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

/// An event to publish.
#[derive(ToSchema)]
#[allow(dead_code, reason = "a shape")]
pub(super) struct NewEvent {
    /// What happened: 1 to 50 of `a-z`, `0-9`, `_`, `.` and `-`.
    #[schema(example = "training.completed")]
    r#type: String,
    /// Where it comes from, at most 255 characters; `gateway` is the gateway itself.
    #[schema(example = "flaisimulator")]
    source: String,
    /// The facts, any JSON.
    #[schema(required = false)]
    data: serde_json::Value,
    /// What its source calls it, at most 255 characters; the same source and publisher publish each id once.
    #[schema(required = false, example = "session-17/completed")]
    id: String,
    /// When it happened (RFC 3339); now, if nothing is said.
    #[schema(required = false, example = "2026-11-24T10:00:00Z")]
    timestamp: String,
    /// The request that caused it; this one, if nothing is said.
    #[schema(required = false)]
    correlation_id: String,
    /// Whom it is for alone, unless its type is one of the gateway's own.
    #[schema(required = false)]
    user_id: String,
    /// Which user of this name: the `iss` of the user's tokens, or empty for that of an API key. Unless told, the publisher's own, or
    /// for the publisher with an API key the only one that is configured (`events.user_issuer`).
    #[schema(required = false, example = "https://id.example.org")]
    user_issuer: String,
}
