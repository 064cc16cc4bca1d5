//! What happened: written into the log, and sent from there to every subscriber.

mod conflation;
mod delivery;
mod envelope;
mod follower;
mod hub;
mod log;
mod tail;
mod topics;

#[cfg(test)]
mod tests;

pub use delivery::Delivery;
pub use envelope::{Event, EventType, logged_frame};
pub use follower::{Follower, Gap, Next, Overflow};
pub use hub::{Hub, Received, Subscription, TooManySubscribers};
pub use log::EventLog;
pub use tail::Tail;
pub use topics::{Reader, TopicError, Topics, User, Wanted, is_event_type};

use metrics::Counter;

use crate::store::Store;
use crate::telemetry::Series;

/// Where events of the gateway's own go. Never waits.
#[derive(Debug, Clone)]
pub struct Events {
    store: Store,
    emitted: Series<EventType, Counter>,
}

impl Events {
    /// Events recorded in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, emitted: Series::default() }
    }

    /// Records the event at once; [`Tail`] sends it when it is committed.
    pub fn emit(&self, event: Event) {
        self.count(&event);
        self.store.record_event(event.into());
    }

    /// Counts an event that was recorded with what it tells of.
    pub fn count(&self, event: &Event) {
        let count = self
            .emitted
            .of(event.kind, |kind| metrics::counter!("integridai_events_total", "type" => kind.as_str()));
        count.increment(1);
    }
}
