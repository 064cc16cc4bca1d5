//! Follows the log, and hands to subscribers what is committed.
//!
//! The log is the outbox: nothing reaches a subscriber but what can be read there, in the order of its cursors. While
//! the store cannot be written, events wait in its bounded buffer, and subscribers wait with them; what that buffer has
//! no room for is dropped and counted. Whatever else writes into the same database is read as well, so that a replica
//! that was cut off catches up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Hub;
use crate::store::{EventFilter, EventRange, LoggedEvent, Store, StoreError};

/// Told of every event that is committed, in order, and in every process that reads the log: what it does has to be
/// done once by the event's id. It must not wait.
pub trait OnEvent: fmt::Debug + Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &LoggedEvent);
}

/// What tells that the log has grown.
#[derive(Debug, Clone)]
pub struct Wake {
    committed: watch::Receiver<u64>,
    poll: Option<Duration>,
}

impl Wake {
    /// Whatever this process commits.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self { committed: store.committed_events(), poll: None }
    }

    /// And a look every so often, for a database that others write into too.
    #[must_use]
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.poll = Some(interval);
        self
    }

    /// Waits for the next time; `false`: it was the last.
    async fn next(&mut self) -> bool {
        let changed = self.committed.changed();
        match self.poll {
            Some(interval) => !matches!(timeout(interval, changed).await, Ok(Err(_))),
            None => changed.await.is_ok(),
        }
    }
}

/// Reads the log to its end, again and again.
#[derive(Debug)]
pub struct Tail {
    store: Store,
    hub: Hub,
    listeners: Vec<Arc<dyn OnEvent>>,
    wake: Wake,
}

const PAGE: u32 = 64;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

impl Tail {
    /// What `store` commits, for the subscribers of `hub`.
    #[must_use]
    pub fn new(store: Store, hub: Hub) -> Self {
        let wake = Wake::of(&store);
        Self { store, hub, listeners: Vec::new(), wake }
    }

    /// Tells this one too.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn OnEvent>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Wakes by this.
    #[must_use]
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wake = wake;
        self
    }

    /// Follows until the store is closed.
    pub async fn run(mut self) {
        let mut retry = FIRST_RETRY;
        loop {
            match self.catch_up().await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    if !self.wake.next().await {
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
            let is_last = page.len() < PAGE as usize;
            for event in page {
                self.listeners.iter().for_each(|listener| listener.on_event(&event));
                self.hub.publish(event);
            }
            if is_last {
                return Ok(());
            }
            // Subscribers have a turn before their queues are full.
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::events::{Event, EventType, Events, Received};
    use crate::store::StoreOptions;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<u64>>);

    impl OnEvent for Heard {
        fn on_event(&self, event: &LoggedEvent) {
            self.0.lock().unwrap().push(event.cursor);
        }
    }

    #[tokio::test]
    async fn listeners_and_subscribers_get_what_is_committed_in_order_and_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
        let event = || Event::new(EventType::SystemAlert, "test", "x").unwrap();
        store.append_events(vec![event().into()]).await.unwrap();
        let hub = Hub::new(10, 256, *store.committed_events().borrow());
        let heard = Arc::new(Heard::default());
        let wake = Wake::of(&store).poll_every(Duration::from_secs(3_600));
        let tail = Tail::new(store.clone(), hub.clone()).listener(heard.clone()).wake(wake);
        let mut subscription = hub.subscribe().unwrap();
        let running = tokio::spawn(tail.run());
        let events = Events::new(store.clone());
        (0..200).for_each(|_| events.emit(event()));
        for expected in 2..=201 {
            let Received::Event(delivery) = subscription.receive().await else { panic!("{expected}") };
            assert_eq!(delivery.cursor, expected);
        }
        assert_eq!(*heard.0.lock().unwrap(), (2..=201).collect::<Vec<_>>());
        store.close(Duration::from_secs(5)).await.unwrap();
        running.await.expect("it ends with the store");
    }

    #[tokio::test]
    async fn what_others_write_is_found_by_looking_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
        let hub = Hub::new(10, 256, 0);
        // A wake that is never told, as of a commit in another process.
        let (silent, committed) = watch::channel(0);
        let wake = Wake { committed, poll: None }.poll_every(Duration::from_millis(1));
        let mut subscription = hub.subscribe().unwrap();
        let running = tokio::spawn(Tail::new(store.clone(), hub).wake(wake).run());
        for cursor in 1..=3 {
            let event = Event::new(EventType::SystemAlert, "test", "x").unwrap();
            store.append_events(vec![event.into()]).await.unwrap();
            assert!(matches!(subscription.receive().await, Received::Event(found) if found.cursor == cursor));
        }
        drop(silent);
        running.await.expect("it ends with whoever wakes it");
    }
}
