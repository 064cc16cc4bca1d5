//! What a layer and all its services share.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::changes::Changes;
use super::flights::Flights;
use super::key::Keys;
use super::rules::Rules;
use super::store::Store;
use crate::Clock;

/// Background work of the layer: revalidation of what is served stale.
pub type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

type Spawn = Arc<dyn Fn(Background) + Send + Sync>;

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    /// In `Cache-Status`.
    pub(super) name: Arc<str>,
    pub(super) spawn: Option<Spawn>,
    /// How many requests share one answer of the origin.
    pub(super) most_waiting: usize,
    pub(super) patience: Duration,
    pub(super) flights: Arc<Flights>,
    pub(super) changes: Arc<Changes>,
}

impl Shared {
    /// Seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.since_epoch().as_secs()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("rules", &self.rules)
            .field("clock", &self.clock)
            .field("name", &self.name)
            .field("spawns", &self.spawn.is_some())
            .field("most_waiting", &self.most_waiting)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
