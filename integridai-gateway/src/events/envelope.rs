//! One event, and the JSON text in which subscribers get it.

use std::fmt::Write;

use integridai_tower::CorrelationId;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::{JsonText, LoggedEvent, SystemEvent};
use crate::timestamp;

/// What an event of the gateway's own is about.
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
    /// The names of all of them. Events of these types are for everybody; any other that belongs to a user is for that
    /// user alone.
    pub const NAMES: [&'static str; 4] =
        ["metrics_update", "analysis_complete", "training_progress", "system_alert"];

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
    /// Which user of this name.
    pub owner: Option<String>,
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
            owner: None,
            data: JsonText::from_serialize(data)?,
        })
    }

    /// The same event, caused by this request.
    #[must_use]
    pub fn caused_by(mut self, id: &CorrelationId) -> Self {
        self.correlation_id = Some(id.clone());
        self
    }

    /// The same event, asked for by this user of this identity.
    #[must_use]
    pub fn asked_by(mut self, user_id: Option<&str>, owner: Option<&str>) -> Self {
        self.user_id = user_id.map(str::to_owned);
        self.owner = owner.map(str::to_owned);
        self
    }

    /// What a subscriber gets outside of the log, without a cursor: `{type, data, timestamp, id, source}`.
    #[must_use]
    pub fn to_frame(&self) -> String {
        frame(&self.clone().into(), None)
    }
}

impl From<Event> for SystemEvent {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            event_type: event.kind.as_str().to_owned(),
            service_name: event.source.to_owned(),
            payload: event.data,
            timestamp: event.timestamp,
            correlation_id: event.correlation_id.map(|id| id.as_str().to_owned()),
            user_id: event.user_id,
            event_id: None,
            owner: event.owner,
            publisher: String::new(),
        }
    }
}

/// What a subscriber gets: `{type, data, timestamp, id, cursor, source}`, and `correlation_id` and `event_id` where
/// there are some. Not whom it belongs to: all subscribers share one text.
#[must_use]
pub fn logged_frame(logged: &LoggedEvent) -> String {
    frame(&logged.event, Some(logged.cursor))
}

fn frame(event: &SystemEvent, cursor: Option<u64>) -> String {
    let mut text = String::with_capacity(event.payload.as_bytes().len() + 256);
    text.push_str(r#"{"type":"#);
    push_text(&mut text, &event.event_type);
    // Digits and separators need no escape, and the data is JSON already.
    let (data, timestamp, id) = (event.payload.as_str(), timestamp::format(event.timestamp), event.id);
    // Writing to a text does not fail.
    let _ = write!(text, r#","data":{data},"timestamp":"{timestamp}","id":"{id}""#);
    if let Some(cursor) = cursor {
        let _ = write!(text, r#","cursor":{cursor}"#);
    }
    let others = [
        ("source", Some(&event.service_name)),
        ("correlation_id", event.correlation_id.as_ref()),
        ("event_id", event.event_id.as_ref()),
    ];
    for (name, value) in others.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = write!(text, r#","{name}":"#);
        push_text(&mut text, value);
    }
    text.push('}');
    text
}

fn push_text(text: &mut String, value: &str) {
    text.push_str(&serde_json::Value::from(value).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_published_shape_and_the_data_as_it_is() {
        let mut event =
            Event::new(EventType::SystemAlert, "gateway", &serde_json::json!({"b": 1, "a": "é"})).unwrap();
        event.timestamp = time::macros::datetime!(2026-11-24 10:00:00.25 UTC);
        let (data, id) = (event.data.as_str().to_owned(), event.id);
        let common = format!(
            r#"{{"type":"system_alert","data":{data},"timestamp":"2026-11-24T10:00:00.250Z","id":"{id}""#
        );
        assert_eq!(event.to_frame(), format!(r#"{common},"source":"gateway"}}"#));
        let mut event = SystemEvent::from(event);
        (event.correlation_id, event.event_id) = (Some("c-1".to_owned()), Some("a \"b\"".to_owned()));
        let frame = logged_frame(&LoggedEvent { cursor: 7, event });
        let rest = r#","cursor":7,"source":"gateway","correlation_id":"c-1","event_id":"a \"b\""}"#;
        assert_eq!(frame, format!("{common}{rest}"));
    }

    #[test]
    fn every_type_has_its_name() {
        let types = [
            EventType::MetricsUpdate,
            EventType::AnalysisComplete,
            EventType::TrainingProgress,
            EventType::SystemAlert,
        ];
        assert_eq!(types.map(EventType::as_str), EventType::NAMES);
    }
}
