//! What the gateways have written down, read past them.
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::servers::postgres::Postgres;

/// The database under the gateways.
#[derive(Debug)]
pub(crate) enum Ledger {
    Server(Postgres),
    File(PathBuf),
}

/// Of all gateways that share the server.
pub(crate) const DATABASE: &str = "gateway";

impl Ledger {
    /// The first column of all rows, as texts.
    pub(crate) fn column(&self, statement: &str) -> Vec<String> {
        // Others go on meanwhile.
        tokio::task::block_in_place(|| match self {
            Self::Server(server) => {
                server.query(DATABASE, statement).lines().map(ToOwned::to_owned).collect()
            }
            Self::File(path) => {
                let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
                connection.busy_timeout(Duration::from_secs(30)).unwrap();
                let mut statement = connection.prepare(statement).unwrap();
                let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                rows.map(Result::unwrap).collect()
            }
        })
    }

    /// The only value.
    pub(crate) fn value(&self, statement: &str) -> String {
        let mut column = self.column(statement);
        assert_eq!(column.len(), 1, "{statement}");
        column.remove(0)
    }

    pub(crate) fn server(&mut self) -> &mut Postgres {
        match self {
            Self::Server(server) => server,
            Self::File(_) => panic!("a file is not stopped"),
        }
    }
}
