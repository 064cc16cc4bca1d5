//! The database file as another program sees it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::gateway::Gateway;
use super::until;

impl Gateway {
    /// The rows of a query, each an object by its columns' names.
    pub(crate) fn rows(&self, query: &str) -> Vec<Value> {
        let connection = Connection::open_with_flags(self.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)
            .expect("the file can be read");
        let mut statement = connection.prepare(query).expect("a query");
        let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            let column =
                |(index, name): (usize, &String)| (name.clone(), json(row.get_ref(index).expect("a column")));
            Ok(Value::Object(names.iter().enumerate().map(column).collect::<Map<_, _>>()))
        };
        let rows = statement.query_map([], read).expect("it can be asked");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// Waits until the query has so many rows: what is recorded is written in batches.
    pub(crate) async fn until_rows(&self, query: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} rows of {query}");
        until(&what, async || Some(self.rows(query)).filter(|rows| rows.len() >= count)).await
    }

    /// Changes the database as another program would.
    pub(crate) fn change_database(&self, statement: &str) {
        let other = Connection::open(self.database()).expect("the file can be opened");
        other.busy_timeout(std::time::Duration::from_secs(20)).expect("a wait can be set");
        other.execute_batch(statement).expect("it can be changed");
    }

    /// Another program that holds the file, so that nothing can be written until this is dropped.
    pub(crate) fn hold_database(&self) -> Connection {
        let other = Connection::open(self.database()).expect("the file can be opened");
        other.busy_timeout(std::time::Duration::from_secs(20)).expect("a wait can be set");
        other.execute_batch("BEGIN IMMEDIATE").expect("its turn comes");
        other
    }
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => bytes.into(),
    }
}
