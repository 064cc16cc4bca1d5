//! One event, and the JSON text in which subscribers get it.

use integridai_tower::CorrelationId;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::JsonText;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventType {
    /// The consolidated metrics were gathered.
    MetricsUpdate,
    /// A provider's analysis is there.
    AnalysisComplete,
    /// A training session moved on.
    TrainingProgress,
    /// Something needs attention.
    SystemAlert,
}

impl EventType {
    /// The name on the wire and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MetricsUpdate => "metrics_update",
            Self::AnalysisComplete => "analysis_complete",
            Self::TrainingProgress => "training_progress",
            Self::SystemAlert => "system_alert",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// A UUID of version 7: ids sort by time.
    pub id: Uuid,
    /// What it is about.
    pub kind: EventType,
    /// The service it comes from, such as `gateway` or `regtech`.
    pub source: &'static str,
    /// When it happened.
    pub timestamp: OffsetDateTime,
    /// The request that caused it.
    pub correlation_id: Option<CorrelationId>,
    /// Who made that request.
    pub user_id: Option<String>,
    /// The facts, as JSON.
    pub data: JsonText,
}

impl Event {
    /// An event of now, caused by nobody in particular.
    ///
    /// # Errors
    ///
    /// When the data has no JSON form.
    pub fn new<T: Serialize + ?Sized>(
        kind: EventType,
        source: &'static str,
        data: &T,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: Uuid::now_v7(),
            kind,
            source,
            timestamp: OffsetDateTime::now_utc(),
            correlation_id: None,
            user_id: None,
            data: JsonText::from_serialize(data)?,
        })
    }

    /// The same event, caused by this request.
    #[must_use]
    pub fn caused_by(mut self, id: &CorrelationId) -> Self {
        self.correlation_id = Some(id.clone());
        self
    }

    /// The same event, asked for by this user.
    #[must_use]
    pub fn asked_by(mut self, user_id: Option<&str>) -> Self {
        self.user_id = user_id.map(str::to_owned);
        self
    }

    /// The text that a subscriber gets: `{type, data, timestamp, id}`.
    #[must_use]
    pub fn to_frame(&self) -> String {
        let Self { kind, data, id, .. } = self;
        let (kind, data, timestamp) =
            (kind.as_str(), data.as_str(), crate::timestamp::format(self.timestamp));
        // Nothing in it needs an escape, and the data is JSON already.
        format!(r#"{{"type":"{kind}","data":{data},"timestamp":"{timestamp}","id":"{id}"}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_published_shape_and_the_data_as_it_is() {
        let mut event =
            Event::new(EventType::SystemAlert, "gateway", &serde_json::json!({"b": 1, "a": "é"})).unwrap();
        event.timestamp = time::macros::datetime!(2026-11-24 10:00:00.25 UTC);
        assert_eq!(
            event.to_frame(),
            format!(
                r#"{{"type":"system_alert","data":{},"timestamp":"2026-11-24T10:00:00.250Z","id":"{}"}}"#,
                event.data.as_str(),
                event.id
            )
        );
    }
}
