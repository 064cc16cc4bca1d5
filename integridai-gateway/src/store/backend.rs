//! The two databases behind one handle.
use super::{postgres, sqlite};

/// Where the rows are.
#[derive(Debug)]
pub(super) enum Backend {
    Sqlite(Box<sqlite::Database>),
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "without the feature there is none"))]
    Postgres(Box<postgres::Database>),
}
