//! What happened: recorded in the store, and sent to every subscriber.

mod envelope;
mod hub;

pub use envelope::{Event, EventType};
pub use hub::{Hub, Received, Subscription, TooManySubscribers};

use metrics::Counter;

use crate::store::{Store, SystemEvent};
use crate::telemetry::Series;

/// Where events go: the log and the subscribers. Never waits for either.
#[derive(Debug, Clone)]
pub struct Events {
    hub: Hub,
    store: Store,
    emitted: Series<EventType, Counter>,
}

impl Events {
    /// Events recorded in `store` and sent through `hub`.
    #[must_use]
    pub fn new(hub: Hub, store: Store) -> Self {
        Self { hub, store, emitted: Series::default() }
    }

    /// Records the event and sends it.
    pub fn emit(&self, event: Event) {
        self.announce(&event);
        self.store.record_event(row(event));
    }

    /// Sends an event that is recorded already.
    pub fn announce(&self, event: &Event) {
        let count = self
            .emitted
            .of(event.kind, |kind| metrics::counter!("integridai_events_total", "type" => kind.as_str()));
        count.increment(1);
        self.hub.publish(event);
    }
}

/// The event as it is recorded.
#[must_use]
pub fn row(event: Event) -> SystemEvent {
    SystemEvent {
        id: event.id,
        event_type: event.kind.as_str().to_owned(),
        service_name: event.source.to_owned(),
        payload: event.data,
        timestamp: event.timestamp,
        correlation_id: event.correlation_id.map(|id| id.as_str().to_owned()),
        user_id: event.user_id,
    }
}
