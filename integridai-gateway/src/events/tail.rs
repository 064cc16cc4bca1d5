//! Follows the log, and hands to subscribers what is committed.
//!
//! The log is the outbox: nothing reaches a subscriber but what can be read there, in the order of its cursors. While
//! the store cannot be written, events wait in its bounded buffer, and subscribers wait with them; what that buffer has
//! no room for is dropped and counted. Whatever else writes into the same database is read as well, so that a replica
//! that was cut off catches up.

use std::time::Duration;

use metrics::Histogram;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Hub;
use crate::store::{EventFilter, EventRange, LoggedEvent, PageLimit, Store, StoreError};

/// Reads the log to its end, again and again.
#[derive(Debug)]
pub struct Tail {
    store: Store,
    hub: Hub,
    committed: watch::Receiver<u64>,
    lag: Histogram,
}

const PAGE: PageLimit = PageLimit { events: 64, bytes: 1024 * 1024 };
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

impl Tail {
    /// What `store` commits, for the subscribers of `hub`.
    #[must_use]
    pub fn new(store: Store, hub: Hub) -> Self {
        let committed = store.committed_events();
        let lag = metrics::histogram!("integridai_event_lag_seconds");
        Self { store, hub, committed, lag }
    }

    /// Follows until the store is closed.
    pub async fn run(mut self) {
        let mut retry = FIRST_RETRY;
        loop {
            match self.catch_up().await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    if self.committed.changed().await.is_err() {
                        return;
                    }
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "events cannot be read");
                    sleep(retry).await;
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
        }
    }

    async fn catch_up(&self) -> Result<(), StoreError> {
        loop {
            let range = EventRange::after(self.hub.head());
            let page = self.store.events(range, EventFilter::default(), PAGE).await?;
            let is_last = page.next.is_none();
            page.events.into_iter().for_each(|event| self.publish(event));
            if is_last {
                return Ok(());
            }
            // Subscribers have a turn before their queues are full.
            tokio::task::yield_now().await;
        }
    }

    /// Of an event that a service published, its own clock tells when it happened; one that is ahead counts as none.
    fn publish(&self, event: LoggedEvent) {
        let age = OffsetDateTime::now_utc() - event.event.timestamp;
        self.lag.record(age.as_seconds_f64().max(0.0));
        self.hub.publish(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, EventType, Events, Received};
    use crate::store::StoreOptions;

    #[tokio::test]
    async fn subscribers_get_what_is_committed_in_order_and_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
        let event = || Event::new(EventType::SystemAlert, "test", "x").unwrap();
        store.append_events(vec![event().into()]).await.unwrap();
        let hub = Hub::new(10, 256, *store.committed_events().borrow());
        let mut subscription = hub.subscribe().unwrap();
        let running = tokio::spawn(Tail::new(store.clone(), hub).run());
        let events = Events::new(store.clone());
        (0..200).for_each(|_| events.emit(event()));
        for expected in 2..=201 {
            let Received::Event(delivery) = subscription.receive().await else { panic!("{expected}") };
            assert_eq!(delivery.cursor, expected);
        }
        store.close(Duration::from_secs(5)).await.unwrap();
        running.await.expect("it ends with the store");
    }
}
