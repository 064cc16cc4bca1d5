//! Events that start executions: into the log and into the queue at once.
use super::backend::Backend;
use super::{Admission, Admitted, Appended, NewExecution, NewKey, Store, StoreError, SystemEvent};

/// An execution that an event starts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStart {
    /// The execution.
    pub execution: NewExecution,
    /// Keeps the event from starting it twice.
    pub key: NewKey,
}

/// What became of events and of what they start.
#[derive(Debug, Clone, PartialEq)]
pub enum Published {
    /// All of it is stored: what was appended, and what was admitted.
    Stored(Vec<Appended>, Vec<Admitted>),
    /// There is no room in the queue, and nothing was written.
    Refused(Admitted),
}

impl Admitted {
    /// Whether it was refused for want of room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full | Self::PrincipalFull | Self::KeysFull)
    }
}

impl Store {
    /// Writes events into the log and puts what they start into the queue, in one transaction: whoever finds such an
    /// event in the log knows that its execution is done. A start whose key is taken is none.
    ///
    /// # Errors
    /// When it could not be stored. Then nothing was.
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
