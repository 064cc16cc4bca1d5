//! The log as subscribers read it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{Delivery, Wanted};
use crate::store::{EventBounds, EventPage, EventRange, PageLimit, Store, StoreError};

/// What a subscriber that catches up holds at most, but for one event that is larger.
const PAGE: PageLimit = PageLimit { events: 64, bytes: 256 * 1024 };
/// Before the log is read again that could not be read.
const RETRY: Duration = Duration::from_millis(250);

/// The log as subscribers read it: few at a time, so that a crowd that comes back at once does not keep others waiting.
#[derive(Debug, Clone)]
pub struct EventLog {
    store: Store,
    readers: Arc<Semaphore>,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    Bounds(EventBounds),
    Page(Page),
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) deliveries: Vec<Delivery>,
    /// How far the log was looked at, where that is not all that was asked for.
    pub(super) next: Option<u64>,
    pub(super) pruned_through: u64,
}

/// A read under way, which goes on where it was when its subscriber looks at it again. `None`, after a while: the log
/// could not be read.
pub(super) struct Reading(Pin<Box<dyn Future<Output = Option<Read>> + Send>>);

impl EventLog {
    /// The log of `store`, for at most so many readers at a time.
    #[must_use]
    pub fn new(store: Store, readers: usize) -> Self {
        Self { store, readers: Arc::new(Semaphore::new(readers)) }
    }

    pub(super) fn bounds(&self) -> Reading {
        let log = self.clone();
        Reading::new(async move {
            let _turn = log.readers.acquire().await.map_err(|_| StoreError::Closed)?;
            log.store.event_bounds().await.map(Read::Bounds)
        })
    }

    pub(super) fn page(&self, after: u64, through: u64, wanted: &Wanted) -> Reading {
        let (log, filter) = (self.clone(), wanted.in_log());
        Reading::new(async move {
            let _turn = log.readers.acquire().await.map_err(|_| StoreError::Closed)?;
            let page = log.store.events(EventRange::After(after, through), filter, PAGE).await?;
            let EventPage { events, next, pruned_through } = page;
            let deliveries = events.into_iter().map(Delivery::from).collect();
            Ok(Read::Page(Page { deliveries, next, pruned_through }))
        })
    }
}

impl Reading {
    fn new(read: impl Future<Output = Result<Read, StoreError>> + Send + 'static) -> Self {
        Self(Box::pin(async move {
            match read.await {
                Ok(read) => Some(read),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the log cannot be read");
                    sleep(RETRY).await;
                    None
                }
            }
        }))
    }
}

impl Future for Reading {
    type Output = Option<Read>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reading").finish_non_exhaustive()
    }
}
