//! Events and what they start, whole or not at all.
use rusqlite::Connection;
use time::OffsetDateTime;

use super::{Database, admission, events, executions};
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
        self.command(move |connection| publish(connection, &events, &starts, &bounds)).await
    }
}

fn publish(
    connection: &Connection,
    events: &[SystemEvent],
    starts: &[(Execution, NewKey)],
    bounds: &Admission,
) -> rusqlite::Result<Published> {
    let (mut refused, now) = (None, OffsetDateTime::now_utc());
    let stored = executions::whole(connection, || {
        let mut admitted = Vec::with_capacity(starts.len());
        for (execution, key) in starts {
            let one = admission::admit(connection, execution, bounds, Some(key), now)?;
            if one.is_full() {
                refused = Some(one);
                // Undoes what was admitted before it.
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            admitted.push(one);
        }
        Ok(Published::Stored(events::append(connection, events)?, admitted))
    });
    match refused {
        Some(refused) => Ok(Published::Refused(refused)),
        None => stored,
    }
}
