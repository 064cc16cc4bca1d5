//! A row as a text: JSON, with the documents inside as they came.
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::serde::timestamp::microseconds;
use uuid::Uuid;

use crate::store::record::{Entry, Record};
use crate::store::{ApiCall, Execution, ExecutionState, JsonText, MetricSample, Priority, SystemEvent};

/// The row as a text.
pub(super) fn write(entry: &Entry) -> String {
    let mut text = Vec::new();
    let written = KeptEntry::serialize(entry, &mut serde_json::Serializer::new(&mut text));
    written.expect("text, numbers and documents only");
    String::from_utf8(text).expect("JSON is text")
}

/// The row of a text; `None` where it is none that this program knows.
pub(super) fn read(text: &str) -> Option<Entry> {
    KeptEntry::deserialize(&mut serde_json::Deserializer::from_str(text)).ok()
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Entry")]
struct KeptEntry {
    id: Uuid,
    #[serde(with = "KeptRecord")]
    record: Record,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Record")]
enum KeptRecord {
    Event(#[serde(with = "KeptEvent")] SystemEvent),
    Metric(#[serde(with = "KeptSample")] MetricSample),
    ApiCall(#[serde(with = "KeptCall")] ApiCall),
    Execution(#[serde(with = "boxed")] Box<Execution>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SystemEvent")]
struct KeptEvent {
    id: Uuid,
    event_type: String,
    service_name: String,
    payload: JsonText,
    #[serde(with = "microseconds")]
    timestamp: OffsetDateTime,
    correlation_id: Option<String>,
    user_id: Option<String>,
    event_id: Option<String>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    publisher: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MetricSample")]
struct KeptSample {
    metric_name: String,
    #[serde(with = "bits")]
    metric_value: f64,
    service: String,
    #[serde(with = "microseconds")]
    timestamp: OffsetDateTime,
    metadata: Option<JsonText>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ApiCall")]
struct KeptCall {
    id: Uuid,
    endpoint: String,
    method: String,
    status_code: u16,
    response_time_ms: u64,
    request_size: Option<u64>,
    response_size: Option<u64>,
    #[serde(with = "microseconds")]
    timestamp: OffsetDateTime,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Execution")]
struct KeptExecution {
    id: Uuid,
    workflow: String,
    #[serde(with = "KeptState")]
    state: ExecutionState,
    #[serde(with = "KeptPriority")]
    priority: Priority,
    request: JsonText,
    correlation_id: Option<String>,
    user_id: Option<String>,
    principal: String,
    timeout_ms: u64,
    #[serde(with = "microseconds")]
    created_at: OffsetDateTime,
    #[serde(with = "microseconds")]
    run_at: OffsetDateTime,
    #[serde(with = "microseconds::option")]
    deadline_at: Option<OffsetDateTime>,
    #[serde(with = "microseconds::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "microseconds::option")]
    finished_at: Option<OffsetDateTime>,
    attempts: u32,
    interruptions: u32,
    fence: u64,
    cancel_requested: bool,
    steps: JsonText,
    result: Option<JsonText>,
    error: Option<JsonText>,
    /// Absent in rows of earlier versions.
    #[serde(default)]
    traceparent: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExecutionState")]
enum KeptState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Dead,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Priority")]
enum KeptPriority {
    Low,
    Normal,
    High,
}

mod boxed {
    use super::{Deserializer, Execution, KeptExecution, Serializer};

    pub(super) fn serialize<S: Serializer>(run: &Execution, serializer: S) -> Result<S::Ok, S::Error> {
        KeptExecution::serialize(run, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Box<Execution>, D::Error> {
        KeptExecution::deserialize(deserializer).map(Box::new)
    }
}

/// JSON has no infinity.
mod bits {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        figure.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
