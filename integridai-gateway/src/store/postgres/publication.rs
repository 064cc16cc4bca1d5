//! Events and what they start, whole or not at all.
use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;

use super::admission::Entrant;
use super::{Database, admission, events};
use crate::store::{Admission, Execution, NewKey, NewStart, Published, StoreError, SystemEvent};

impl Database {
    pub(in crate::store) async fn publish(
        &self,
        events: Vec<SystemEvent>,
        starts: Vec<NewStart>,
        bounds: Admission,
    ) -> Result<Published, StoreError> {
        let starts: Vec<(Execution, NewKey)> =
            starts.into_iter().map(|NewStart { execution, key }| (execution.into(), key)).collect();
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
    starts: &[(Execution, NewKey)],
    bounds: &Admission,
    again: bool,
) -> Result<Published, StoreError> {
    let (transaction, _) = admission::begin(client).await?;
    let (mut admitted, now) = (Vec::with_capacity(starts.len()), OffsetDateTime::now_utc());
    for (execution, key) in starts {
        let entrant = Entrant { execution, key: Some(key), now, again };
        let one = admission::enter(&transaction, entrant, bounds).await?;
        if one.is_full() {
            return Ok(Published::Refused(one));
        }
        admitted.push(one);
    }
    let appended = events::append(&transaction, events, again).await?;
    transaction.commit().await?;
    Ok(Published::Stored(appended, admitted))
}
