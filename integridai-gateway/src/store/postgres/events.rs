//! The log of events: written in the order of its cursors, and read by them.
use std::collections::HashMap;
use std::pin::pin;

use deadpool_postgres::{ClientWrapper, GenericClient};
use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{big_integer, text, timestamp};
use super::{batch, rows, statements};
use crate::store::events::{Extent, WINDOW};
use crate::store::{
    Appended, EventBounds, EventFilter, EventPage, EventRange, LoggedEvent, PageLimit, StoreError,
    SystemEvent,
};

/// Writes all of them or none. With `again`, an earlier attempt may have succeeded without our hearing of it.
pub(super) async fn append(
    client: &impl GenericClient,
    events: &[SystemEvent],
    again: bool,
) -> Result<Vec<Appended>, StoreError> {
    if again && let Some(appended) = appended_before(client, events).await? {
        return Ok(appended);
    }
    let columns = batch::event_columns(&events.iter().collect::<Vec<_>>());
    let statement = client.prepare_cached(statements::APPEND_EVENTS).await?;
    let new = by_id(&client.query(&statement, &batch::values(&columns)).await?)?;
    let known = if new.len() < events.len() { known(client, events).await? } else { HashMap::new() };
    let one = |event: &SystemEvent| match new.get(&event.id) {
        Some(&cursor) => Some(Appended { id: event.id, cursor, is_new: true }),
        None => known.get(&name(event)?).copied(),
    };
    events.iter().map(|event| one(event).ok_or(StoreError::Conflict)).collect()
}

/// What an event is called by its source, and among whose events, as the log keeps it.
type Name = (String, String, String);

fn name(event: &SystemEvent) -> Option<Name> {
    let event_id = text(event.event_id.as_deref()?, 255).into_owned();
    let publisher = text(&event.publisher, usize::MAX).into_owned();
    Some((text(&event.service_name, 255).into_owned(), event_id, publisher))
}

async fn known(
    client: &impl GenericClient,
    events: &[SystemEvent],
) -> Result<HashMap<Name, Appended>, StoreError> {
    let (mut sources, mut ids, mut publishers) = (Vec::new(), Vec::new(), Vec::new());
    for (source, id, publisher) in events.iter().filter_map(name) {
        sources.push(source);
        ids.push(id);
        publishers.push(publisher);
    }
    let statement = client.prepare_cached(statements::FIND_EVENTS).await?;
    let found = client.query(&statement, &[&sources, &ids, &publishers]).await?;
    let read = |row: &Row| {
        let appended = Appended { id: row.try_get("id")?, cursor: cursor(row)?, is_new: false };
        Ok(((row.try_get("source")?, row.try_get("event_id")?, row.try_get("publisher")?), appended))
    };
    found.iter().map(read).collect()
}

async fn appended_before(
    client: &impl GenericClient,
    events: &[SystemEvent],
) -> Result<Option<Vec<Appended>>, StoreError> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let statement = client.prepare_cached(statements::FIND_EVENTS_BY_ID).await?;
    let found = by_id(&client.query(&statement, &[&ids]).await?)?;
    let one = |id: &Uuid| found.get(id).map(|&cursor| Appended { id: *id, cursor, is_new: true });
    Ok(ids.iter().map(one).collect())
}

fn by_id(found: &[Row]) -> Result<HashMap<Uuid, u64>, StoreError> {
    found.iter().map(|row| Ok((row.try_get("id")?, cursor(row)?))).collect()
}

fn cursor(row: &Row) -> Result<u64, StoreError> {
    Ok(row.try_get::<_, i64>("cursor")?.unsigned_abs())
}

pub(super) async fn bounds(client: &ClientWrapper) -> Result<EventBounds, StoreError> {
    let statement = client.prepare_cached(statements::EVENT_BOUNDS).await?;
    let row = client.query_one(&statement, &[]).await?;
    let [pruned_through, newest] = [row.try_get::<_, i64>(0)?, row.try_get(1)?].map(i64::unsigned_abs);
    Ok(EventBounds { pruned_through, newest: newest.max(pruned_through) })
}

pub(super) async fn page(
    client: &ClientWrapper,
    range: EventRange,
    filter: &EventFilter,
    limit: PageLimit,
) -> Result<EventPage, StoreError> {
    let Query { text, values } = Query::new(range, filter, limit);
    let statement = client.prepare_cached(&text).await?;
    let mut rows = pin!(client.query_raw(&statement, values).await?);
    let mut extent = Extent { first: None, farthest: None, pruned_through: 0 };
    let (mut events, mut fitting, mut bytes) = (Vec::new(), 0, 0_usize);
    // Whatever it takes in the table, unpacked it may be more.
    while bytes < limit.bytes
        && let Some(row) = rows.try_next().await?
    {
        extent = extent_of(&row)?;
        let Some(cursor) = position(&row, "cursor")? else { break };
        let event = rows::event(&row)?;
        bytes = bytes.saturating_add(event.payload.as_str().len());
        fitting = row.try_get::<_, i64>("fitting")?.unsigned_abs();
        events.push(LoggedEvent { cursor, event });
    }
    let is_cut = events.len() >= limit.events as usize || (events.len() as u64) < fitting;
    Ok(EventPage::new(range, extent, events, is_cut))
}

fn extent_of(row: &Row) -> Result<Extent, StoreError> {
    let pruned_through = position(row, "pruned_through")?.unwrap_or(0);
    Ok(Extent { first: position(row, "first")?, farthest: position(row, "farthest")?, pruned_through })
}

fn position(row: &Row, column: &str) -> Result<Option<u64>, StoreError> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(i64::unsigned_abs))
}

/// A query for a part of the log. Its text is made of fixed pieces; whatever somebody asks for is a value.
struct Query {
    text: String,
    values: Vec<batch::Column<'static>>,
}

impl Query {
    fn new(range: EventRange, filter: &EventFilter, limit: PageLimit) -> Self {
        let (begin, order, end, last) = match range {
            EventRange::After(..) => {
                let last = " ) AS found ON TRUE ORDER BY found.cursor";
                (statements::EVENTS_AFTER, " ORDER BY cursor LIMIT ", statements::EVENTS_END_AFTER, last)
            }
            EventRange::Before(_) => {
                let last = " ) AS found ON TRUE ORDER BY found.cursor DESC";
                (
                    statements::EVENTS_BEFORE,
                    " ORDER BY cursor DESC LIMIT ",
                    statements::EVENTS_END_BEFORE,
                    last,
                )
            }
        };
        let mut query = Self { text: begin.to_owned(), values: Vec::new() };
        query.text.push_str(statements::EVENTS);
        query.range(range);
        query.topics(filter);
        query.equals("source", filter.source.as_deref());
        query.equals("correlation_id", filter.correlation_id.as_deref());
        query.equals("user_id", filter.user_id.as_deref());
        if filter.user_id.is_some() {
            query.own(filter);
        }
        if let Some(since) = filter.since {
            query.condition(" AND timestamp >= ", timestamp(since));
        }
        if let Some(until) = filter.until {
            query.condition(" AND timestamp < ", timestamp(until));
        }
        query.readable(filter);
        query.condition(order, i64::from(limit.events));
        query.condition(end, i64::try_from(limit.bytes).unwrap_or(i64::MAX));
        query.text.push_str(last);
        query
    }

    /// The first value is what the extent begins at.
    fn range(&mut self, range: EventRange) {
        match range {
            EventRange::After(after, through) => {
                self.condition("cursor > ", big_integer(after));
                self.condition(" AND cursor <= least(", big_integer(through));
                self.condition(", log.first + ", big_integer(WINDOW - 1));
                self.text.push(')');
            }
            EventRange::Before(before) => {
                self.condition("cursor < ", big_integer(before));
                self.condition(" AND cursor > log.first - ", big_integer(WINDOW));
            }
        }
    }

    /// A list that is empty is left out: for one that fits nothing the planner may walk any partial index.
    fn topics(&mut self, filter: &EventFilter) {
        let (types, users) = (&filter.types, &filter.topic_users);
        match (types.is_empty(), users.is_empty()) {
            (true, true) => return,
            (false, true) => self.one_of(" AND event_type = ANY (", types),
            (true, false) => {
                self.one_of(" AND (user_id = ANY (", users);
                self.text.push(')');
                self.own(filter);
            }
            (false, false) => {
                self.one_of(" AND (event_type = ANY (", types);
                self.one_of(") OR (user_id = ANY (", users);
                self.text.push(')');
                self.own(filter);
                self.text.push(')');
            }
        }
        self.text.push(')');
    }

    /// Of users of one name, the reader.
    fn own(&mut self, filter: &EventFilter) {
        self.equals("owner", filter.reader.as_ref().map(|reader| &*reader.owner));
    }

    fn readable(&mut self, filter: &EventFilter) {
        let Some(reader) = &filter.reader else { return };
        self.condition(" AND (user_id IS NULL OR owner = ", text(&reader.owner, usize::MAX).into_owned());
        self.one_of(" OR event_type = ANY (", reader.shared_types);
        self.text.push_str("))");
    }

    fn equals(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            let value = text(value, usize::MAX).into_owned();
            self.condition(&format!(" AND {column} = "), value);
        }
    }

    fn one_of<T: AsRef<str>>(&mut self, before: &str, values: &[T]) {
        let values = values.iter().map(|value| text(value.as_ref(), usize::MAX).into_owned());
        self.condition(before, values.collect::<Vec<_>>());
    }

    fn condition(&mut self, before: &str, value: impl ToSql + Sync + Send + 'static) {
        self.values.push(Box::new(value));
        self.text.push_str(before);
        self.text.push_str(&format!("${}", self.values.len()));
    }
}
