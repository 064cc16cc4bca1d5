//! Every committed event to every subscriber, serialised once.
//!
//! All subscribers read from one ring, bounded by a number of events and by their bytes. One that falls more than that
//! behind misses the oldest events and is told so; nobody waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{broadcast, watch};

use super::Delivery;
use crate::store::LoggedEvent;

/// Texts of events that the ring holds, but for one that is larger.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Sends events to subscribers. A clone is the same hub.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    deliveries: broadcast::Sender<Weak<Delivery>>,
    ring: Mutex<Ring>,
    /// The cursor of the newest event that was sent, or is about to be.
    head: AtomicU64,
    closed: watch::Sender<bool>,
    subscribers: AtomicUsize,
    max_subscribers: usize,
}

/// Keeps the newest events for whoever is behind.
#[derive(Debug)]
struct Ring {
    deliveries: VecDeque<Arc<Delivery>>,
    bytes: usize,
    max_pending: usize,
}

/// As many subscribers as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many subscribers")]
#[non_exhaustive]
pub struct TooManySubscribers;

/// What comes to a subscriber.
#[derive(Debug, Clone)]
pub enum Received {
    /// An event.
    Event(Arc<Delivery>),
    /// Events were missed: the subscriber was too slow.
    Missed,
    /// The gateway goes down.
    Closed,
}

impl Hub {
    /// A hub for at most `max_subscribers`, each of which may be `max_pending` events behind, that begins after the
    /// event at `head`.
    #[must_use]
    pub fn new(max_subscribers: usize, max_pending: usize, head: u64) -> Self {
        let shared = Shared {
            head: AtomicU64::new(head),
            deliveries: broadcast::Sender::new(max_pending),
            ring: Mutex::new(Ring { deliveries: VecDeque::new(), bytes: 0, max_pending }),
            closed: watch::Sender::new(false),
            subscribers: AtomicUsize::new(0),
            max_subscribers,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Sends the event, which follows all that were sent before, to whoever is subscribed now.
    pub fn publish(&self, event: LoggedEvent) {
        // Before it is sent: whoever subscribes too late for it has to find it below the head, in the log.
        self.shared.head.store(event.cursor, Ordering::SeqCst);
        if self.shared.deliveries.receiver_count() > 0 {
            // It only fails when the last subscriber has just left.
            let _ = self.shared.deliveries.send(self.shared.keep(event.into()));
        }
    }

    /// How far the log was sent: a subscriber gets whatever comes after the head that is read once it has subscribed.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.shared.head.load(Ordering::SeqCst)
    }

    /// Subscribes to what is published from now on.
    ///
    /// # Errors
    ///
    /// [`TooManySubscribers`]
    pub fn subscribe(&self) -> Result<Subscription, TooManySubscribers> {
        let claim = |count: usize| (count < self.shared.max_subscribers).then_some(count + 1);
        let claimed = self.shared.subscribers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim);
        let before = claimed.map_err(|_| TooManySubscribers)?;
        gauge(before + 1);
        Ok(Subscription {
            deliveries: self.shared.deliveries.subscribe(),
            closed: self.shared.closed.subscribe(),
            shared: Arc::clone(&self.shared),
        })
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers.load(Ordering::Relaxed)
    }

    /// Tells every subscriber, now and later, that the gateway goes down.
    pub fn close(&self) {
        self.shared.closed.send_replace(true);
    }
}

impl Shared {
    fn keep(&self, delivery: Delivery) -> Weak<Delivery> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(delivery))
    }
}

impl Ring {
    fn push(&mut self, delivery: Arc<Delivery>) -> Weak<Delivery> {
        let weak = Arc::downgrade(&delivery);
        self.bytes += delivery.frame.len();
        self.deliveries.push_back(delivery);
        while self.deliveries.len() > 1
            && (self.deliveries.len() > self.max_pending || self.bytes > MAX_BYTES)
            && let Some(oldest) = self.deliveries.pop_front()
        {
            self.bytes -= oldest.frame.len();
        }
        weak
    }
}

/// One subscriber's end. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    deliveries: broadcast::Receiver<Weak<Delivery>>,
    closed: watch::Receiver<bool>,
    shared: Arc<Shared>,
}

impl Subscription {
    /// Waits for what comes next. Cancelling the wait loses nothing.
    pub async fn receive(&mut self) -> Received {
        tokio::select! {
            biased;
            _ = self.closed.wait_for(|closed| *closed) => Received::Closed,
            delivery = self.deliveries.recv() => match delivery {
                Ok(delivery) => delivery.upgrade().map_or(Received::Missed, Received::Event),
                Err(broadcast::error::RecvError::Lagged(_)) => Received::Missed,
                Err(broadcast::error::RecvError::Closed) => Received::Closed,
            },
        }
    }
}

impl Subscription {
    /// The oldest event that is queued.
    pub(super) fn oldest(&mut self) -> Option<Arc<Delivery>> {
        loop {
            match self.deliveries.try_recv() {
                Ok(delivery) => {
                    if let Some(delivery) = delivery.upgrade() {
                        return Some(delivery);
                    }
                }
                // Even that one is gone by now.
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }

    /// Lets go whatever is queued; what is sent from now on is queued.
    pub(super) fn skip_queue(&mut self) {
        self.deliveries = self.deliveries.resubscribe();
    }

    /// Waits until the gateway goes down.
    pub(super) async fn closed(&mut self) {
        // Without a sender it is down.
        let _ = self.closed.wait_for(|closed| *closed).await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        gauge(self.shared.subscribers.fetch_sub(1, Ordering::Relaxed) - 1);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a count of connections")]
fn gauge(subscribers: usize) {
    metrics::gauge!("integridai_realtime_subscribers").set(subscribers as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, EventType};

    fn event(cursor: u64) -> LoggedEvent {
        LoggedEvent { cursor, event: Event::new(EventType::SystemAlert, "test", &cursor).unwrap().into() }
    }

    #[tokio::test]
    async fn all_subscribers_share_one_text() {
        let hub = Hub::new(10, 8, 0);
        let (mut one, mut two) = (hub.subscribe().unwrap(), hub.subscribe().unwrap());
        hub.publish(event(1));
        let (Received::Event(first), Received::Event(second)) = (one.receive().await, two.receive().await)
        else {
            panic!("no events");
        };
        assert_eq!(first.frame.as_str().as_ptr(), second.frame.as_str().as_ptr());
        assert_eq!((first.cursor, hub.head()), (1, 1));
    }

    #[tokio::test]
    async fn a_slow_subscriber_misses_the_oldest_and_is_told() {
        let hub = Hub::new(10, 4, 0);
        let mut slow = hub.subscribe().unwrap();
        for number in 1..=10 {
            hub.publish(event(number));
        }
        assert!(matches!(slow.receive().await, Received::Missed));
        assert!(matches!(slow.receive().await, Received::Event(delivery) if delivery.cursor == 7));
    }

    #[tokio::test]
    async fn what_waits_for_a_slow_subscriber_is_bounded_by_its_size_too() {
        let hub = Hub::new(10, 64, 0);
        let mut slow = hub.subscribe().unwrap();
        let large = "x".repeat(1024 * 1024);
        for cursor in 1..=20 {
            let event = Event::new(EventType::SystemAlert, "test", &large).unwrap().into();
            hub.publish(LoggedEvent { cursor, event });
        }
        assert!(hub.shared.ring.lock().unwrap().bytes <= MAX_BYTES);
        assert!(matches!(slow.receive().await, Received::Missed));
        assert_eq!(slow.oldest().map(|oldest| oldest.cursor), Some(14));
        assert!(matches!(slow.receive().await, Received::Event(delivery) if delivery.cursor == 15));
    }

    #[tokio::test]
    async fn places_are_bounded_and_given_back() {
        let hub = Hub::new(1, 4, 0);
        let only = hub.subscribe().unwrap();
        assert_eq!(hub.subscribe().unwrap_err(), TooManySubscribers);
        drop(only);
        assert_eq!(hub.subscribers(), 0);
        let mut late = hub.subscribe().unwrap();
        hub.close();
        assert!(matches!(late.receive().await, Received::Closed));
    }
}
