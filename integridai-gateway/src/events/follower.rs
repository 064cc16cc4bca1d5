//! Follows the events that one subscriber wants: from the log up to now, then as they come.
//!
//! It subscribes to the hub first and reads the log up to the hub's head, so that nothing falls between the two; what
//! comes twice is known by its cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::conflation::Conflation;
use super::log::{Page, Read, Reading};
use super::{Delivery, EventLog, EventType, Hub, Received, Subscription, TooManySubscribers, Wanted};
use crate::store::EventBounds;

/// What becomes of a subscriber that is further behind than its queue is long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It misses the oldest events, and is told which.
    #[default]
    DropOldest,
    /// Of what it has missed it gets the newest of each type, source and user.
    Conflate,
    /// It is disconnected, and told from where to go on.
    Disconnect,
}

/// Events that a subscriber does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Gap {
    /// Why: `slow`, it was too far behind; `pruned`, they are no longer in the log; `unknown_cursor`, the log has never come
    /// that far.
    #[schema(example = "slow")]
    pub reason: &'static str,
    /// They come after this cursor,
    #[schema(example = 4711)]
    pub after: u64,
    /// and up to this one.
    #[schema(example = 4811)]
    pub through: u64,
}

/// What comes next.
#[derive(Debug, Clone)]
pub enum Next {
    /// An event.
    Event(Arc<Delivery>),
    /// Some are missing here.
    Gap(Gap),
    /// The subscriber is too slow for its policy, and goes on after this cursor.
    TooSlow(u64),
    /// The gateway goes down.
    Closed,
}

/// One subscriber's way through the log.
#[derive(Debug)]
pub struct Follower {
    subscription: Subscription,
    hub: Hub,
    log: EventLog,
    wanted: Box<Wanted>,
    overflow: Overflow,
    phase: Phase,
    /// Everything up to here has been seen, or was not wanted, or its gap was told.
    position: u64,
    /// The same, once what is pending has been given out.
    looked: u64,
    /// Up to here it has been told what is no longer in the log.
    told: u64,
    /// The event of the figures that it has from elsewhere.
    figures: Option<Uuid>,
    /// Read, and not given out yet.
    pending: VecDeque<Arc<Delivery>>,
    /// Under way, also while nobody waits for it.
    reading: Option<Reading>,
}

#[derive(Debug)]
enum Phase {
    /// From here on, as far as that is still there.
    Resume,
    /// From the log, up to this cursor.
    Replay(u64),
    /// Of what was missed, the newest of each kind.
    Conflate(Box<Conflation>),
    /// As they come.
    Live,
}

impl Follower {
    /// Follows after `cursor`, or from now on.
    ///
    /// # Errors
    ///
    /// [`TooManySubscribers`]
    pub fn new(
        hub: &Hub,
        log: &EventLog,
        wanted: Wanted,
        overflow: Overflow,
        cursor: Option<u64>,
    ) -> Result<Self, TooManySubscribers> {
        let subscription = hub.subscribe()?;
        let (phase, position) = match cursor {
            Some(cursor) => (Phase::Resume, cursor),
            None => (Phase::Live, hub.head()),
        };
        Ok(Self {
            subscription,
            hub: hub.clone(),
            log: log.clone(),
            wanted: Box::new(wanted),
            overflow,
            phase,
            position,
            looked: 0,
            told: 0,
            figures: None,
            pending: VecDeque::new(),
            reading: None,
        })
    }

    /// The subscriber has the gateway's figures that this event tells: they, and older ones, do not come after them.
    pub fn has_figures(&mut self, event: Uuid) {
        self.figures = Some(event);
    }

    /// Waits for what comes next. Cancelling the wait loses nothing, and begins nothing anew.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(delivery) = self.take_pending() {
                return Next::Event(delivery);
            }
            let next = match self.phase {
                Phase::Live => self.live().await,
                _ => self.read().await,
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn take_pending(&mut self) -> Option<Arc<Delivery>> {
        let delivery = self.pending.pop_front();
        if self.pending.is_empty() {
            // One that waits for the next event holds no room for many.
            self.pending = VecDeque::new();
        }
        match &delivery {
            Some(delivery) => self.position = self.position.max(delivery.cursor),
            None => self.position = self.position.max(self.looked),
        }
        delivery
    }

    async fn live(&mut self) -> Option<Next> {
        match self.subscription.receive().await {
            Received::Event(delivery) => self.take_live(delivery),
            Received::Missed => self.fall_behind(),
            Received::Closed => Some(Next::Closed),
        }
    }

    fn take_live(&mut self, delivery: Arc<Delivery>) -> Option<Next> {
        if delivery.cursor <= self.position {
            return None;
        }
        self.position = delivery.cursor;
        (!self.has_figures_of(&delivery) && self.wanted.has(&delivery)).then_some(Next::Event(delivery))
    }

    /// Older figures after newer ones would be taken for the newest.
    fn has_figures_of(&mut self, delivery: &Delivery) -> bool {
        let Some(newest) = self.figures else { return false };
        if *delivery.kind != *EventType::MetricsUpdate.as_str() || *delivery.source != *"gateway" {
            return false;
        }
        if delivery.id >= newest {
            self.figures = None;
        }
        delivery.id <= newest
    }

    fn fall_behind(&mut self) -> Option<Next> {
        match self.overflow {
            Overflow::DropOldest => self.drop_oldest(),
            Overflow::Conflate => {
                // What is queued is conflated as well; whatever comes after the head is queued anew.
                self.subscription.skip_queue();
                self.phase = Phase::Conflate(Box::new(Conflation::new(self.position, self.hub.head())));
                None
            }
            Overflow::Disconnect => Some(Next::TooSlow(self.position)),
        }
    }

    /// What was missed is known by the oldest event that is still queued.
    fn drop_oldest(&mut self) -> Option<Next> {
        let (after, oldest) = (self.position, self.subscription.oldest()?);
        let through = oldest.cursor.saturating_sub(1);
        if oldest.cursor > after && self.wanted.has(&oldest) {
            self.pending.push_back(oldest);
        }
        if through <= after {
            return None;
        }
        self.position = through;
        Some(Next::Gap(Gap { reason: "slow", after, through }))
    }

    /// From the log; when that cannot be read, again a little later.
    async fn read(&mut self) -> Option<Next> {
        if self.reading.is_none() {
            self.reading = self.begin();
        }
        let reading = self.reading.as_mut()?;
        let read = tokio::select! {
            biased;
            () = self.subscription.closed() => return Some(Next::Closed),
            read = reading => read,
        };
        self.reading = None;
        match read? {
            Read::Bounds(bounds) => self.resume(bounds),
            Read::Page(page) => self.take(page),
        }
    }

    /// What is to be read next; none: nothing at the moment.
    fn begin(&mut self) -> Option<Reading> {
        match &self.phase {
            Phase::Live => None,
            Phase::Resume => Some(self.log.bounds()),
            Phase::Replay(target) if self.position >= *target => {
                self.catch_up();
                None
            }
            Phase::Replay(target) => Some(self.log.page(self.position, *target, &self.wanted)),
            Phase::Conflate(conflation) => {
                Some(self.log.page(conflation.reached, conflation.through, &self.wanted))
            }
        }
    }

    /// What was queued meanwhile is in the log as well: a long way does not end in a queue that has run over.
    fn catch_up(&mut self) {
        self.subscription.skip_queue();
        let head = self.hub.head();
        self.phase = if self.position >= head { Phase::Live } else { Phase::Replay(head) };
    }

    fn resume(&mut self, bounds: EventBounds) -> Option<Next> {
        let EventBounds { pruned_through, newest } = bounds;
        let after = self.position;
        if after > newest {
            // A log that was made anew. Nobody knows what was missed; what is there is not old.
            (self.position, self.phase) = (newest, Phase::Replay(newest));
            return Some(Next::Gap(Gap { reason: "unknown_cursor", after, through: newest }));
        }
        self.phase = Phase::Replay(after);
        self.pruned(after, pruned_through)
    }

    /// What went while the log was read is told before what follows it.
    fn pruned(&mut self, after: u64, through: u64) -> Option<Next> {
        let after = after.max(self.told);
        if through <= after {
            return None;
        }
        self.told = through;
        Some(Next::Gap(Gap { reason: "pruned", after, through }))
    }

    fn take(&mut self, page: Page) -> Option<Next> {
        let Page { deliveries, next, pruned_through } = page;
        let (after, target) = match &mut self.phase {
            Phase::Conflate(conflation) => {
                let span = (conflation.reached, conflation.through);
                deliveries.into_iter().for_each(|delivery| conflation.keep(delivery));
                conflation.reached = next.unwrap_or(conflation.through);
                if conflation.is_full() || conflation.is_over() {
                    (self.pending, self.looked) = (conflation.take(), conflation.reached);
                }
                if conflation.is_over() {
                    self.phase = Phase::Live;
                }
                span
            }
            Phase::Replay(target) => {
                self.pending = deliveries.into_iter().map(Arc::new).collect();
                self.looked = next.unwrap_or(*target);
                (self.position, *target)
            }
            Phase::Resume | Phase::Live => return None,
        };
        self.pruned(after, pruned_through.min(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, EventType, Reader, Topics};
    use crate::store::{Store, StoreOptions};

    #[tokio::test]
    async fn one_that_resumes_and_reads_no_further_holds_little_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
        let large = "x".repeat(100 * 1024);
        let event = || Event::new(EventType::SystemAlert, "test", &large).unwrap().into();
        store.append_events((0..40).map(|_| event()).collect()).await.unwrap();
        let (hub, log) = (Hub::new(1, 4, 40), EventLog::new(store, 1));
        let wanted = Wanted { topics: Topics::default(), reader: Reader::Operator };
        let mut follower = Follower::new(&hub, &log, wanted, Overflow::DropOldest, Some(0)).unwrap();
        for expected in 1..=40 {
            let next = follower.next().await;
            assert!(matches!(&next, Next::Event(delivery) if delivery.cursor == expected), "{next:?}");
            assert!(follower.pending.len() <= 2, "{} are held", follower.pending.len());
        }
    }
}
