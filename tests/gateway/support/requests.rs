//! What is asked of `execute`.

use serde_json::{Value, json};

pub(crate) const ANALYZE: &str = "/analyze_provider";
pub(crate) const UPDATE: &str = "/api/update_metrics";
pub(crate) const SESSION: &str = "/api/v1/training/sessions/{id}";
pub(crate) const CUIT: &str = "30-12345678-9";

pub(crate) fn provider() -> Value {
    json!({"name": "Acme SA", "cuit": CUIT, "sector": "tecnologia"})
}

/// An analysis of a provider whose fields are the payload's own.
pub(crate) fn analysis() -> Value {
    json!({"workflow": "complete_analysis", "payload": provider()})
}

pub(crate) fn session() -> Value {
    json!({"session_id": "s-1", "user_id": "user-7", "status": "completed", "score": 91.5, "progress": 100})
}

/// A sync of a session that comes along.
pub(crate) fn training() -> Value {
    json!({"workflow": "training_sync", "payload": {"training_session": session()}})
}

/// A sync of a session that FLAISimulator has.
pub(crate) fn training_by_id(id: &str) -> Value {
    json!({"workflow": "training_sync", "payload": {"training_session": id}})
}

/// The same request with these options.
pub(crate) fn with_options(mut request: Value, options: Value) -> Value {
    request["options"] = options;
    request
}

/// The same request, to be done later.
pub(crate) fn later(request: Value) -> Value {
    with_options(request, json!({"async": true}))
}

/// Where the services have their figures.
pub(crate) const COMPLIANCE: &str = "/compliance_dashboard";
pub(crate) const TRAINING: &str = "/api/v1/metrics";
pub(crate) const FIGURES: &str = "/api/v1/dashboard/metrics";
