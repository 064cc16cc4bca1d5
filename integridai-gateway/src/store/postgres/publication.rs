//! Events and what they start, whole or not at all.
use deadpool_postgres::{ClientWrapper, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::entering::{self, Entry};
use super::{Database, admission, events, executions};
use crate::store::{Admission, Admitted, Execution, NewStart, Published, Started, StoreError, SystemEvent};

impl Database {
    pub(in crate::store) async fn publish(
        &self,
        events: Vec<SystemEvent>,
        starts: Vec<NewStart>,
        bounds: Admission,
    ) -> Result<Published, StoreError> {
        let starts: Vec<(usize, Execution)> =
            starts.into_iter().map(|NewStart { place, execution }| (place, execution.into())).collect();
        let (events, starts, bounds) = (&events, &starts, &bounds);
        self.command(|mut session, again| async move {
            publish(&mut session, events, starts, bounds, again).await
        })
        .await
    }
}

/// What is dropped on the way is rolled back. With `again`, an earlier attempt may have succeeded without our hearing of it.
async fn publish(
    client: &mut ClientWrapper,
    events: &[SystemEvent],
    starts: &[(usize, Execution)],
    bounds: &Admission,
    again: bool,
) -> Result<Published, StoreError> {
    let transaction = admission::begin(client).await?;
    let appended = events::append(&transaction, events, again).await?;
    let (mut started, mut entries) = (Vec::with_capacity(starts.len()), Vec::new());
    for (place, execution) in starts {
        let event = appended.get(*place).ok_or(StoreError::Conflict)?;
        started.push(match event.is_new {
            true => {
                let (bounds, now) = (*bounds, OffsetDateTime::now_utc());
                entries.push(Entry { execution: execution.clone(), bounds, now });
                Started::Now(execution.id)
            }
            false => before(&transaction, event.id, &entries).await?,
        });
    }
    let admitted = entering::enter(&transaction, &entries, again).await?;
    if let Some(refusal) = admitted.into_iter().find(|admitted| *admitted != Admitted::Accepted) {
        return Ok(Published::Refused(refusal));
    }
    transaction.commit().await?;
    Ok(Published::Stored(appended, started))
}

/// What an event had started that is there already, or comes for a second time.
async fn before(transaction: &Transaction<'_>, id: Uuid, entries: &[Entry]) -> Result<Started, StoreError> {
    let is_there =
        entries.iter().any(|entry| entry.execution.id == id) || executions::is_there(transaction, id).await?;
    Ok(if is_there { Started::Before(id) } else { Started::Nothing })
}
