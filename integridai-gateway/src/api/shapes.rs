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
    },
}
