//! The log of events: what is asked of it, and what it answers.
//!
//! Every event has a *cursor*, its place in the order of commits. Cursors only grow and are never given twice, but some
//! are never given. Whoever has seen everything up to a cursor asks for what comes after it.
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use super::backend::Backend;
use super::{LONGEST_LIST, Store, StoreError, SystemEvent};

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its place.
    pub cursor: u64,
    /// What happened.
    pub event: SystemEvent,
}

/// What became of an event that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The event's id in the log; of one that was there already, the id that it had.
    pub id: Uuid,
    /// Its place.
    pub cursor: u64,
    /// Whether no event of the same source and publisher had this `event_id`.
    pub is_new: bool,
}

/// Which part of the log is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventBounds {
    /// Events up to this cursor may have been removed; 0: none was.
    pub pruned_through: u64,
    /// The newest event ever written; 0: there was none.
    pub newest: u64,
}

/// A part of the log, as it was at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventPage {
    /// What was found.
    pub events: Vec<LoggedEvent>,
    /// The cursor to go on with, however little was found: the log was looked at as far as that. `None`: that was all.
    pub next: Option<u64>,
    /// Events up to this cursor may have been removed by then.
    pub pruned_through: u64,
}

/// How much is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// At most so many events, and never more than 10 000.
    pub events: u32,
    /// The event with which their payloads reach so many bytes is the last.
    pub bytes: usize,
}

impl From<u32> for PageLimit {
    /// So many events, however large they are.
    fn from(events: u32) -> Self {
        Self { events, bytes: usize::MAX }
    }
}

/// Cursors that one read looks at, so that one whose filter fits little does not take long.
pub(super) const WINDOW: u64 = 10_000;

/// What there is of a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// The cursor that comes first in it.
    pub(super) first: Option<u64>,
    /// The last of the log in its direction.
    pub(super) farthest: Option<u64>,
    pub(super) pruned_through: u64,
}

/// From where, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRange {
    /// The oldest first, of those after the first cursor and up to the second.
    After(u64, u64),
    /// The newest first, of those before the cursor.
    Before(u64),
}

impl EventRange {
    /// All that come after the cursor.
    #[must_use]
    pub fn after(cursor: u64) -> Self {
        Self::After(cursor, u64::MAX)
    }

    /// How far a read looks that begins with the cursor `first`.
    fn look(self, first: u64) -> u64 {
        match self {
            Self::After(_, through) => through.min(first.saturating_add(WINDOW - 1)),
            Self::Before(_) => first.saturating_sub(WINDOW - 1),
        }
    }

    /// The lowest and the highest cursor that a read looks at.
    pub(super) fn window(self, first: u64) -> (u64, u64) {
        match self {
            Self::After(..) => (first, self.look(first)),
            Self::Before(_) => (self.look(first), first),
        }
    }
}

impl EventPage {
    /// What was found in a range; `is_cut`: there was no room for more.
    pub(super) fn new(range: EventRange, extent: Extent, events: Vec<LoggedEvent>, is_cut: bool) -> Self {
        let last = events.last().filter(|_| is_cut).map(|last| last.cursor);
        let looked = last.or(extent.first.map(|first| range.look(first)));
        let next = looked.zip(extent.farthest).and_then(|(looked, farthest)| {
            let has_more = match range {
                EventRange::After(_, through) => looked < through.min(farthest),
                EventRange::Before(_) => looked > farthest,
            };
            has_more.then_some(looked)
        });
        Self { events, next, pruned_through: extent.pruned_through }
    }
}

/// Which events: every condition that is set has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of one of these types, or of one of `topic_users`; without any of both: all.
    pub types: Vec<String>,
    /// Of one of these users, or of one of `types`.
    pub topic_users: Vec<String>,
    /// From this source.
    pub source: Option<String>,
    /// Of this request.
    pub correlation_id: Option<String>,
    /// Of this user.
    pub user_id: Option<String>,
    /// Happened at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Happened before this moment.
    pub until: Option<OffsetDateTime>,
    /// Those that this reader may see.
    pub reader: Option<EventReader>,
}

/// Who reads: an event that belongs to a user is for that user alone, unless its type is for everybody. Users that are asked for
/// by name are this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReader {
    /// Who the reader is; see [`identity`](crate::identity).
    pub owner: String,
    /// Types of events that everybody may see, whoever they belong to.
    pub shared_types: &'static [&'static str],
}

impl Store {
    /// Writes events in one transaction, and answers for each, in order, once they have reached the disk. One whose
    /// source and publisher have handed in the same `event_id` before is not written again.
    ///
    /// # Errors
    /// When none of them could be stored.
    pub async fn append_events(&self, events: Vec<SystemEvent>) -> Result<Vec<Appended>, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.append_events(events).await,
            Backend::Postgres(database) => database.append_events(events).await,
        }
    }

    /// A part of the log. It looks at a bounded part of it, so that what is found may be little, or nothing, while there
    /// is more.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn events(
        &self,
        range: EventRange,
        filter: EventFilter,
        limit: impl Into<PageLimit>,
    ) -> Result<EventPage, StoreError> {
        let PageLimit { events, bytes } = limit.into();
        let limit = PageLimit { events: events.min(LONGEST_LIST), bytes };
        match &*self.database {
            Backend::Sqlite(database) => database.events(range, filter, limit).await,
            Backend::Postgres(database) => database.events(range, filter, limit).await,
        }
    }

    /// Which part of the log is there.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn event_bounds(&self) -> Result<EventBounds, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.event_bounds().await,
            Backend::Postgres(database) => database.event_bounds().await,
        }
    }

    /// The cursor of the newest event that is committed, as it grows. Whatever is up to it can be read.
    #[must_use]
    pub fn committed_events(&self) -> watch::Receiver<u64> {
        match &*self.database {
            Backend::Sqlite(database) => database.committed_events(),
            Backend::Postgres(database) => database.committed_events(),
        }
    }
}
