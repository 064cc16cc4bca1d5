//! What becomes of freshly gathered metrics: history rows, an event for subscribers, alerts.

use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::ServiceStatus;
use super::known::Change;
use super::snapshot::{ConsolidatedMetrics, Snapshot};
use crate::events::{Event, EventType, Events, Gap};
use crate::store::{MetricSample, Store};
use crate::timestamp;

/// Something that needs attention: the data of a `system_alert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SystemAlert {
    /// `info`, `warning` or `critical`.
    #[schema(example = "critical")]
    pub severity: &'static str,
    /// What kind of alert, for programs.
    #[schema(example = "service_status_changed")]
    pub code: &'static str,
    /// The service it is about.
    #[schema(example = "regtech")]
    pub service: &'static str,
    /// What happened, for people.
    #[schema(example = "regtech is offline; it was online")]
    pub message: String,
    /// The execution it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// When.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    pub timestamp: String,
    /// With the code `events_missed`: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

impl SystemAlert {
    /// An alert of now.
    #[must_use]
    pub fn new(severity: &'static str, code: &'static str, service: &'static str, message: String) -> Self {
        Self { severity, code, service, message, workflow_id: None, timestamp: timestamp::now(), gap: None }
    }
}

/// Writes history and sends events.
#[derive(Debug, Clone)]
pub struct Reporter {
    events: Events,
    store: Store,
}

impl Reporter {
    /// Reports to `events` and `store`.
    #[must_use]
    pub fn new(events: Events, store: Store) -> Self {
        Self { events, store }
    }

    pub(super) fn report(&self, snapshot: &Snapshot, changes: &[Change]) {
        self.store.record_metrics(samples(&snapshot.metrics));
        for (service, status) in snapshot.metrics.system_health.by_service() {
            metrics::gauge!("integridai_service_up", "service" => service).set(level(status));
        }
        for change in changes {
            self.alert(change);
        }
        let data: Result<&RawValue, _> = serde_json::from_slice(&snapshot.body);
        let event = data.and_then(|data| Event::new(EventType::MetricsUpdate, "gateway", data));
        self.emit(event.map(|event| Event { id: snapshot.id, ..event }));
    }

    fn alert(&self, change: &Change) {
        let Change { service, before, now } = *change;
        let severity = match now {
            ServiceStatus::Online => "info",
            ServiceStatus::Degraded => "warning",
            ServiceStatus::Offline => "critical",
        };
        let was = before.map_or(String::new(), |before| format!("; it was {}", before.as_str()));
        let message = format!("{service} is {}{was}", now.as_str());
        tracing::warn!(service, status = now.as_str(), "{message}");
        let alert = SystemAlert::new(severity, "service_status_changed", service, message);
        self.emit(Event::new(EventType::SystemAlert, service, &alert));
    }

    fn emit(&self, event: Result<Event, serde_json::Error>) {
        match event {
            Ok(event) => self.events.emit(event),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event could not be written");
            }
        }
    }
}

/// 1 online, 0.5 degraded, 0 offline.
fn level(status: ServiceStatus) -> f64 {
    match status {
        ServiceStatus::Online => 1.0,
        ServiceStatus::Degraded => 0.5,
        ServiceStatus::Offline => 0.0,
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of a dashboard")]
fn samples(metrics: &ConsolidatedMetrics) -> Vec<MetricSample> {
    let (business, performance) = (&metrics.business_metrics, &metrics.performance_metrics);
    let figures = [
        ("total_users", business.total_users as f64, "flaisimulator"),
        ("active_simulations", business.active_simulations as f64, "flaisimulator"),
        ("providers_analyzed", business.providers_analyzed as f64, "regtech"),
        ("avg_compliance_score", business.avg_compliance_score, "regtech"),
        ("training_effectiveness", business.training_effectiveness, "flaisimulator"),
        ("avg_response_time_ms", performance.avg_response_time_ms, "gateway"),
        ("requests_per_minute", performance.requests_per_minute, "gateway"),
        ("error_rate_percent", performance.error_rate_percent, "gateway"),
    ];
    let statuses = metrics.system_health.by_service();
    let statuses = statuses.map(|(service, status)| ("status", level(status), service));
    let now = OffsetDateTime::now_utc();
    let sample = |(name, value, service): (&str, f64, &str)| MetricSample {
        metric_name: name.to_owned(),
        metric_value: value,
        service: service.to_owned(),
        timestamp: now,
        metadata: None,
    };
    figures.into_iter().chain(statuses).map(sample).collect()
}
