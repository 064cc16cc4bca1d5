//! What a layer and all its services share.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::flights::Flights;
use super::key::{ByDigest, Keys};
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

/// What was invalidated lately, so that an answer which was asked for before that is not stored after it.
pub(super) struct Changes {
    last: AtomicU64,
    /// Of everything at once.
    all: AtomicU64,
    of_url: Cache<u128, u64, UnitWeighter, ByDigest>,
}

const REMEMBERED: usize = 4096;
const SURE: u64 = REMEMBERED as u64 / 2;

impl Default for Changes {
    fn default() -> Self {
        let (room, lifecycle) = (REMEMBERED as u64, DefaultLifecycle::default());
        let of_url = Cache::with(REMEMBERED, room, UnitWeighter, ByDigest::default(), lifecycle);
        Self { last: AtomicU64::new(0), all: AtomicU64::new(0), of_url }
    }
}

impl Changes {
    /// A mark that stands for now.
    pub(super) fn now(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    pub(super) fn note(&self, url: u128) {
        let change = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.of_url.insert(url, change);
    }

    pub(super) fn note_all(&self) {
        let change = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.all.fetch_max(change, Ordering::SeqCst);
    }

    /// After more changes than are surely remembered, nothing counts as unchanged.
    pub(super) fn is_unchanged_since(&self, mark: u64, url: u128) -> bool {
        let changes = self.now().saturating_sub(mark);
        changes == 0
            || (changes <= SURE
                && self.all.load(Ordering::SeqCst) <= mark
                && self.of_url.get(&url).is_none_or(|change| change <= mark))
    }
}
