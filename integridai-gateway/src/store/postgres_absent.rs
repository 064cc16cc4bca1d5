//! Stands in for the real thing in a build without the feature `postgres`: there is never one of it.
use std::ops::Deref;

use super::{StoreConnections, sqlite};

#[derive(Debug)]
pub(super) enum Database {}

impl Database {
    pub(super) fn connections(&self) -> StoreConnections {
        match *self {}
    }
}

/// So that whoever handles both needs to know of no feature.
impl Deref for Database {
    type Target = sqlite::Database;

    fn deref(&self) -> &Self::Target {
        match *self {}
    }
}
