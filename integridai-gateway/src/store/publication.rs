//! Events that start executions: into the log and into the queue at once.
use uuid::Uuid;

use super::backend::Backend;
use super::{Admission, Admitted, Appended, NewExecution, Store, StoreError, SystemEvent};

/// An execution that an event starts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStart {
    /// The place of its event among those that are published.
    pub place: usize,
    /// The execution; its id is that of the event.
    pub execution: NewExecution,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It is in the queue.
    Now(Uuid),
    /// Its event was there already, and started this execution when it came.
    Before(Uuid),
    /// Its event was there already, and what it started is not, if there was anything.
    Nothing,
}

/// What became of events and of what they start.
#[derive(Debug, Clone, PartialEq)]
pub enum Published {
    /// All of it is stored: what was appended, and what was started.
    Stored(Vec<Appended>, Vec<Started>),
    /// There is no room in the queue, and nothing was written.
    Refused(Admitted),
}

impl Store {
    /// Writes events into the log and puts what they start into the queue, in one transaction: whoever finds such an
    /// event in the log knows that its execution is done. An event that is there already starts nothing.
    ///
    /// # Errors
    /// When it could not be stored, or a start has no event. Then nothing was.
    pub async fn publish_events(
        &self,
        events: Vec<SystemEvent>,
        starts: Vec<NewStart>,
        admission: Admission,
    ) -> Result<Published, StoreError> {
        match &*self.database {
            Backend::Sqlite(database) => database.publish(events, starts, admission).await,
            Backend::Postgres(database) => database.publish(events, starts, admission).await,
        }
    }
}
