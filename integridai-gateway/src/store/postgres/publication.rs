//! Events and what they start, whole or not at all.
use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;

use super::admission::Entrant;
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
    let (transaction, _) = admission::begin(client).await?;
    let appended = events::append(&transaction, events, again).await?;
    let (mut started, now) = (Vec::with_capacity(starts.len()), OffsetDateTime::now_utc());
    for (place, execution) in starts {
        let event = appended.get(*place).ok_or(StoreError::Conflict)?;
        if !event.is_new {
            let is_there = executions::is_there(&transaction, event.id).await?;
            started.push(if is_there { Started::Before(event.id) } else { Started::Nothing });
            continue;
        }
        let entrant = Entrant { execution, key: None, now, again };
        let admitted = admission::enter(&transaction, entrant, bounds).await?;
        if admitted != Admitted::Accepted {
            return Ok(Published::Refused(admitted));
        }
        started.push(Started::Now(execution.id));
    }
    transaction.commit().await?;
    Ok(Published::Stored(appended, started))
}
