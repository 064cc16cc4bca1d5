//! Batches of rows into the tables, over a connection of the writer's own.
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;

use super::connect::Connector;
use super::retention::Progress;
use super::{batch, failure, retention, statements};
use crate::store::record::{Entry, Record};
use crate::store::{StoreError, Table};

/// What became of the rows of a batch, by their places in it.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Never written: the row itself is to blame.
    pub(super) refused: Vec<usize>,
    /// Not written now: something else is.
    pub(super) left: Vec<usize>,
    /// How many were there already.
    pub(super) repeated: [usize; Table::ALL.len()],
    /// What stood in the way of those that are left.
    pub(super) fault: Option<StoreError>,
}

/// A connection that is made anew when it broke.
#[derive(Debug)]
pub(super) struct Line {
    connector: Connector,
    client: Option<ClientWrapper>,
    patience: Duration,
}

impl Line {
    pub(super) fn new(connector: Connector, patience: Duration) -> Self {
        Self { connector, client: None, patience }
    }

    /// Writes what it can: a table that is missing does not keep the rows of others back.
    pub(super) async fn write(&mut self, entries: &[Entry]) -> Written {
        let mut written = Written::default();
        for table in Table::ALL {
            let places: Vec<usize> = places_of(entries, table, &mut written);
            let is_out = written.fault.as_ref().is_some_and(failure::is_outage);
            if places.is_empty() {
                continue;
            }
            if is_out {
                written.left.extend(places);
                continue;
            }
            let mut part = Part { table, places, refused: Vec::new(), inserted: 0 };
            match self.insert(entries, &mut part).await {
                Ok(()) => {
                    let there = part.places.len() - part.refused.len();
                    let inserted = usize::try_from(part.inserted).unwrap_or(usize::MAX);
                    written.repeated[table as usize] = there.saturating_sub(inserted);
                    written.refused.append(&mut part.refused);
                }
                Err(error) => {
                    written.left.append(&mut part.places);
                    written.fault = Some(error);
                }
            }
        }
        written
    }

    async fn insert(&mut self, entries: &[Entry], part: &mut Part) -> Result<(), StoreError> {
        let patience = self.patience;
        let client = self.client().await?;
        // Halves of what is refused, until the row to blame is alone.
        let whole = 0..part.places.len();
        let mut parts = vec![whole];
        while let Some(range) = parts.pop() {
            let rows: Vec<&Entry> = part.places[range.clone()].iter().map(|&place| &entries[place]).collect();
            let inserting = batch::insert(client, part.table, &rows);
            match tokio::time::timeout(patience, inserting).await.unwrap_or_else(|_| Err(failure::silent())) {
                Ok(inserted) => part.inserted += inserted,
                Err(error) if failure::is_server_fault(&error) => {
                    self.client = None;
                    return Err(error);
                }
                Err(error) if range.len() == 1 => part.refuse(range.start, &error),
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    parts.extend([middle..range.end, range.start..middle]);
                }
            }
        }
        Ok(())
    }

    /// Whether rows could be written now.
    pub(super) async fn probe(&mut self) -> Result<(), StoreError> {
        let patience = self.patience;
        let client = self.client().await?;
        let probing = tokio::time::timeout(patience, client.batch_execute(statements::PROBE));
        let answer = probing.await.map_err(|_| failure::silent()).and_then(|done| Ok(done?));
        if answer.is_err() {
            self.client = None;
        }
        answer
    }

    pub(super) async fn prune(&mut self, retention: Duration) -> Result<Progress, StoreError> {
        let patience = self.patience;
        let client = self.client().await?;
        let pruning = retention::prune(client, OffsetDateTime::now_utc(), retention);
        let answer = tokio::time::timeout(patience, pruning).await.unwrap_or_else(|_| Err(failure::silent()));
        if answer.is_err() {
            self.client = None;
        }
        answer
    }

    async fn client(&mut self) -> Result<&mut ClientWrapper, StoreError> {
        let is_open = self.client.as_ref().is_some_and(|client| !client.is_closed());
        if !is_open {
            self.client = None;
        }
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(self.connector.connect().await?)),
        }
    }
}

/// The rows of one table in a batch.
struct Part {
    table: Table,
    places: Vec<usize>,
    refused: Vec<usize>,
    inserted: u64,
}

impl Part {
    fn refuse(&mut self, index: usize, error: &StoreError) {
        let table = self.table.name();
        tracing::debug!(table, error = error as &dyn std::error::Error, "a row was refused by the database");
        self.refused.push(self.places[index]);
    }
}

/// Where the rows of the table are. A figure that is not a number is refused here: PostgreSQL would take it.
fn places_of(entries: &[Entry], table: Table, written: &mut Written) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.table() == table) {
        match &entry.record {
            Record::Metric(sample) if sample.metric_value.is_nan() => written.refused.push(place),
            _ => places.push(place),
        }
    }
    places
}
