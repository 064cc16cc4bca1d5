//! Events and what they start, whole or not at all.
use rusqlite::Connection;
use time::OffsetDateTime;

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
        self.command(move |connection| publish(connection, &events, &starts, &bounds)).await
    }
}

fn publish(
    connection: &Connection,
    events: &[SystemEvent],
    starts: &[(usize, Execution)],
    bounds: &Admission,
) -> rusqlite::Result<Published> {
    let (mut refused, now) = (None, OffsetDateTime::now_utc());
    let stored = executions::whole(connection, || {
        let appended = events::append(connection, events)?;
        let mut started = Vec::with_capacity(starts.len());
        for (place, execution) in starts {
            let event = appended.get(*place).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            if !event.is_new {
                let found = executions::by_id(connection, event.id)?;
                started.push(found.map_or(Started::Nothing, |found| Started::Before(found.id)));
                continue;
            }
            let admitted = admission::admit(connection, execution, bounds, None, now)?;
            if admitted != Admitted::Accepted {
                refused = Some(admitted);
                // Undoes what was written before it.
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            started.push(Started::Now(execution.id));
        }
        Ok(Published::Stored(appended, started))
    });
    match refused {
        Some(refused) => Ok(Published::Refused(refused)),
        None => stored,
    }
}
