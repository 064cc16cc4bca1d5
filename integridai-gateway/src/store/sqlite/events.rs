//! The log of events: written in the order of its cursors, and read by them.
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use time::OffsetDateTime;

use super::columns::{Id, clip, integer};
use super::records::{insert_event, read_event};
use super::statements;
use crate::store::events::Extent;
use crate::store::{
    Appended, EventBounds, EventFilter, EventPage, EventRange, LoggedEvent, PageLimit, SystemEvent,
};
use crate::timestamp;

/// Writes all of them or none: a job that fails leaves nothing in the transaction that it shares with others.
pub(super) fn append(connection: &Connection, events: &[SystemEvent]) -> rusqlite::Result<Vec<Appended>> {
    connection.execute_batch("SAVEPOINT append_events")?;
    let appended: rusqlite::Result<Vec<_>> =
        events.iter().map(|event| append_one(connection, event)).collect();
    // A full disk may have undone the whole transaction, and the savepoint with it.
    if appended.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO append_events")?;
    }
    if !connection.is_autocommit() {
        connection.execute_batch("RELEASE append_events")?;
    }
    appended
}

fn append_one(connection: &Connection, event: &SystemEvent) -> rusqlite::Result<Appended> {
    let known = match &event.event_id {
        Some(event_id) => find(connection, event, event_id)?,
        None => None,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    insert_event(connection, event)?;
    let cursor = connection.last_insert_rowid().unsigned_abs();
    Ok(Appended { id: event.id, cursor, is_new: true })
}

fn find(connection: &Connection, event: &SystemEvent, event_id: &str) -> rusqlite::Result<Option<Appended>> {
    let mut statement = connection.prepare_cached(statements::FIND_EVENT)?;
    let names = params![clip(&event.service_name, 255), clip(event_id, 255), event.publisher];
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Appended {
            id: row.get::<_, Id>("id")?.0,
            cursor: row.get::<_, i64>("cursor")?.unsigned_abs(),
            is_new: false,
        })
    };
    statement.query_row(names, read).optional()
}

/// The cursor of the newest event that is there.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(statements::NEWEST_EVENT)?;
    statement.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<EventBounds> {
    let mut statement = connection.prepare_cached(statements::EVENT_BOUNDS)?;
    statement.query_row([], |row| {
        let [pruned_through, newest] = [row.get::<_, i64>(0)?, row.get::<_, i64>(1)?].map(i64::unsigned_abs);
        Ok(EventBounds { pruned_through, newest: newest.max(pruned_through) })
    })
}

pub(super) fn page(
    connection: &Connection,
    range: EventRange,
    filter: &EventFilter,
    limit: PageLimit,
) -> rusqlite::Result<EventPage> {
    // Both of the same moment: what is pruned meanwhile is either found or known to be gone.
    let _moment = connection.unchecked_transaction()?;
    let extent = extent(connection, range)?;
    let Some(first) = extent.first else { return Ok(EventPage::new(range, extent, Vec::new(), false)) };
    let Query { text, values } = Query::new(range, range.window(first), filter, limit.events);
    let mut statement = connection.prepare_cached(&text)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut events, mut bytes) = (Vec::new(), 0_usize);
    while bytes < limit.bytes
        && let Some(row) = rows.next()?
    {
        let event = read_event(row)?;
        bytes = bytes.saturating_add(event.payload.as_str().len());
        events.push(LoggedEvent { cursor: row.get::<_, i64>("cursor")?.unsigned_abs(), event });
    }
    let is_cut = bytes >= limit.bytes || events.len() >= limit.events as usize;
    Ok(EventPage::new(range, extent, events, is_cut))
}

fn extent(connection: &Connection, range: EventRange) -> rusqlite::Result<Extent> {
    let (statement, from) = match range {
        EventRange::After(after, _) => (statements::EXTENT_AFTER, after),
        EventRange::Before(before) => (statements::EXTENT_BEFORE, before),
    };
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([integer(from)], |row| {
        let cursor = |index| row.get::<_, Option<i64>>(index).map(|cursor| cursor.map(i64::unsigned_abs));
        let pruned_through = row.get::<_, i64>(2)?.unsigned_abs();
        Ok(Extent { first: cursor(0)?, farthest: cursor(1)?, pruned_through })
    })
}

/// A query for a part of the log. Its text is made of fixed pieces; whatever somebody asks for is a value.
#[derive(Debug)]
pub(super) struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// `window`: the lowest and the highest cursor to look at.
    pub(super) fn new(range: EventRange, window: (u64, u64), filter: &EventFilter, limit: u32) -> Self {
        let mut query = Self { text: statements::EVENTS.to_owned(), values: Vec::new() };
        query.text.push_str("cursor >= ? AND cursor <= ?");
        query.values.extend([window.0, window.1].map(|cursor| Value::from(integer(cursor))));
        query.topics(filter);
        query.condition(" AND source = ?", filter.source.as_deref());
        query.condition(" AND correlation_id = ?", filter.correlation_id.as_deref());
        query.condition(" AND user_id = ?", filter.user_id.as_deref());
        if filter.user_id.is_some() {
            query.own(filter);
        }
        query.moment(" AND timestamp >= ?", filter.since);
        query.moment(" AND timestamp < ?", filter.until);
        query.readable(filter);
        query.text.push_str(match range {
            EventRange::After(..) => " ORDER BY cursor LIMIT ?",
            EventRange::Before(_) => " ORDER BY cursor DESC LIMIT ?",
        });
        query.values.push(i64::from(limit).into());
        query
    }

    fn topics(&mut self, filter: &EventFilter) {
        match (filter.types.is_empty(), filter.topic_users.is_empty()) {
            (true, true) => {}
            (false, true) => self.one_of(" AND event_type IN (", &filter.types, ")"),
            (true, false) => {
                self.one_of(" AND user_id IN (", &filter.topic_users, ")");
                self.own(filter);
            }
            (false, false) => {
                self.one_of(" AND (event_type IN (", &filter.types, ")");
                self.one_of(" OR (user_id IN (", &filter.topic_users, ")");
                self.own(filter);
                self.text.push_str("))");
            }
        }
    }

    /// Of users of one name, the reader.
    fn own(&mut self, filter: &EventFilter) {
        self.condition(" AND owner = ?", filter.reader.as_ref().map(|reader| &*reader.owner));
    }

    fn readable(&mut self, filter: &EventFilter) {
        let Some(reader) = &filter.reader else { return };
        self.condition(" AND (user_id IS NULL OR owner = ?", Some(&reader.owner));
        self.one_of(" OR event_type IN (", reader.shared_types, "))");
    }

    fn condition(&mut self, text: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text.push_str(text);
            self.values.push(value.to_owned().into());
        }
    }

    fn moment(&mut self, text: &str, moment: Option<OffsetDateTime>) {
        self.condition(text, moment.map(timestamp::format_micros).as_deref());
    }

    fn one_of<T: AsRef<str>>(&mut self, before: &str, values: &[T], after: &str) {
        self.text.push_str(before);
        self.text.push_str(&vec!["?"; values.len()].join(", "));
        self.text.push_str(after);
        self.values.extend(values.iter().map(|value| Value::from(value.as_ref().to_owned())));
    }
}

#[cfg(test)]
impl Query {
    /// How SQLite would go about it.
    pub(super) fn plan(&self, connection: &Connection) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", self.text)).unwrap();
        let values = params_from_iter(self.values.iter());
        let lines = statement.query_map(values, |row| row.get::<_, String>("detail")).unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }
}
