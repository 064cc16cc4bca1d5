//! Follows the events that one subscriber wants: from the log up to now, then as they come.
//!
//! It subscribes to the hub first and reads the log up to the hub's head, so that nothing falls between the two; what
//! comes twice is known by its cursor.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use utoipa::ToSchema;

use super::{Delivery, Hub, Received, Subscription, TooManySubscribers, Wanted};
use crate::store::{EventBounds, EventRange, Store, StoreError};

/// Events read at once for a subscriber that catches up.
const PAGE: u32 = 64;
/// What a subscriber that conflates keeps at most while it catches up.
const MAX_KEYS: usize = 1_024;
/// Before the log is read again that could not be read.
const RETRY: Duration = Duration::from_millis(250);

/// The log as subscribers read it: few at a time, so that a crowd that comes back at once does not keep others waiting.
#[derive(Debug, Clone)]
pub struct EventLog {
    store: Store,
    readers: Arc<Semaphore>,
}

impl EventLog {
    /// The log of `store`, for at most so many readers at a time.
    #[must_use]
    pub fn new(store: Store, readers: usize) -> Self {
        Self { store, readers: Arc::new(Semaphore::new(readers)) }
    }

    async fn bounds(&self) -> Result<EventBounds, StoreError> {
        let _turn = self.readers.acquire().await.map_err(|_| StoreError::Closed)?;
        self.store.event_bounds().await
    }

    async fn page(&self, after: u64, through: u64, wanted: &Wanted) -> Result<Vec<Delivery>, StoreError> {
        let _turn = self.readers.acquire().await.map_err(|_| StoreError::Closed)?;
        let found = self.store.events(EventRange::After(after, through), wanted.in_log(), PAGE).await?;
        Ok(found.into_iter().map(Delivery::from).collect())
    }
}

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
    /// Everything up to here has been seen, or was not wanted.
    position: u64,
    /// Read, and not given out yet.
    pending: VecDeque<Arc<Delivery>>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// From here on, as far as that is still there.
    Resume,
    /// From the log, up to this cursor.
    Replay(u64),
    /// Of what was missed, the newest of each kind.
    Conflate,
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
        let (hub, log, wanted) = (hub.clone(), log.clone(), Box::new(wanted));
        Ok(Self { subscription, hub, log, wanted, overflow, phase, position, pending: VecDeque::new() })
    }

    /// Waits for what comes next. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(delivery) = self.take_pending() {
                return Next::Event(delivery);
            }
            let next = match self.phase {
                Phase::Live => self.live().await,
                // Apart, and only as long as it takes: one that waits for the next event has no room for a read.
                phase => Box::pin(self.read(phase)).await,
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn take_pending(&mut self) -> Option<Arc<Delivery>> {
        let delivery = self.pending.pop_front()?;
        if self.pending.is_empty() {
            // One that waits for the next event holds no room for many.
            self.pending = VecDeque::new();
        }
        self.position = self.position.max(delivery.cursor);
        Some(delivery)
    }

    async fn live(&mut self) -> Option<Next> {
        match self.subscription.receive().await {
            Received::Event(delivery) => self.take_live(delivery),
            Received::Missed(_) => self.fall_behind(),
            Received::Closed => Some(Next::Closed),
        }
    }

    fn take_live(&mut self, delivery: Arc<Delivery>) -> Option<Next> {
        if delivery.cursor <= self.position {
            return None;
        }
        self.position = delivery.cursor;
        self.wanted.has(&delivery).then_some(Next::Event(delivery))
    }

    fn fall_behind(&mut self) -> Option<Next> {
        match self.overflow {
            Overflow::DropOldest => self.drop_oldest(),
            Overflow::Conflate => {
                self.phase = Phase::Conflate;
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
    async fn read(&mut self, phase: Phase) -> Option<Next> {
        if self.subscription.is_closed() {
            return Some(Next::Closed);
        }
        let read = match phase {
            Phase::Resume => self.resume().await,
            Phase::Replay(target) => self.replay(target).await.map(|()| None),
            Phase::Conflate => self.conflate().await.map(|()| None),
            Phase::Live => Ok(None),
        };
        match read {
            Ok(next) => next,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the log cannot be read");
                sleep(RETRY).await;
                None
            }
        }
    }

    async fn resume(&mut self) -> Result<Option<Next>, StoreError> {
        let EventBounds { pruned_through, newest } = self.log.bounds().await?;
        let after = self.position;
        self.phase = Phase::Replay(after);
        Ok(if after > newest {
            // A log that was made anew. Nobody knows what was missed; what is there is not old.
            self.position = newest;
            self.phase = Phase::Replay(newest);
            Some(Next::Gap(Gap { reason: "unknown_cursor", after, through: newest }))
        } else if after < pruned_through {
            Some(Next::Gap(Gap { reason: "pruned", after, through: pruned_through }))
        } else {
            None
        })
    }

    async fn replay(&mut self, target: u64) -> Result<(), StoreError> {
        if self.position >= target {
            // What was queued meanwhile is in the log as well: a long way does not end in a queue that has run over.
            self.subscription.skip_queue();
            let head = self.hub.head();
            self.phase = if self.position >= head { Phase::Live } else { Phase::Replay(head) };
            return Ok(());
        }
        let page = self.log.page(self.position, target, &self.wanted).await?;
        if page.is_empty() {
            self.position = target;
        }
        self.pending = page.into_iter().map(Arc::new).collect();
        Ok(())
    }

    async fn conflate(&mut self) -> Result<(), StoreError> {
        // What is queued is conflated as well; whatever comes after the head is queued anew.
        self.subscription.skip_queue();
        let (through, mut after) = (self.hub.head(), self.position);
        let mut newest: HashMap<_, Delivery> = HashMap::new();
        loop {
            let page = self.log.page(after, through, &self.wanted).await?;
            let Some(last) = page.last() else { break };
            after = last.cursor;
            for delivery in page {
                let key = (delivery.kind.clone(), delivery.source.clone(), delivery.user_id.clone());
                if newest.len() < MAX_KEYS || newest.contains_key(&key) {
                    newest.insert(key, delivery);
                }
            }
        }
        let mut kept: Vec<Arc<Delivery>> = newest.into_values().map(Arc::new).collect();
        kept.sort_unstable_by_key(|delivery| delivery.cursor);
        (self.pending, self.position, self.phase) = (kept.into(), through, Phase::Live);
        Ok(())
    }
}
