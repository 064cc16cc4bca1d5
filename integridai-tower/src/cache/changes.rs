use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::key::{ByDigest, Key, Keys, Secret};

/// What was invalidated lately, so that an answer which was asked for before that is not stored after it, nor shared with
/// whoever asks later.
///
/// A cache has its own. A [`Store`](super::Store) that others change too has one that it tells of those changes, and gives it to
/// the cache.
pub struct Changes {
    last: AtomicU64,
    /// Of everything at once.
    all: AtomicU64,
    of_url: Cache<u128, u64, UnitWeighter, ByDigest>,
    keys: Keys,
}

const REMEMBERED: usize = 4096;
const SURE: u64 = REMEMBERED as u64 / 2;

impl Changes {
    /// Without a change so far.
    #[must_use]
    pub fn new() -> Self {
        let (room, lifecycle) = (REMEMBERED as u64, DefaultLifecycle::default());
        Self {
            last: AtomicU64::new(0),
            all: AtomicU64::new(0),
            of_url: Cache::with(REMEMBERED, room, UnitWeighter, ByDigest::default(), lifecycle),
            keys: Keys::new("http", false),
        }
    }

    /// A mark that stands for now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Notes that what is stored of a URL may not be right any longer; to be called before it is removed. By its
    /// [digest](Key::digest).
    pub fn note(&self, url: u128) {
        let change = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.of_url.insert(url, change);
    }

    /// Notes the same of all URLs.
    pub fn note_all(&self) {
        let change = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.all.fetch_max(change, Ordering::SeqCst);
    }

    /// Whether nothing was noted of the URL since the mark. After more changes than are surely remembered, nothing counts as
    /// unchanged.
    #[must_use]
    pub fn is_unchanged_since(&self, mark: u64, url: u128) -> bool {
        let changes = self.now().saturating_sub(mark);
        changes == 0
            || (changes <= SURE
                && self.all.load(Ordering::SeqCst) <= mark
                && self.of_url.get(&url).is_none_or(|change| change <= mark))
    }

    /// The key that the cache has for a URL as [`Key::url`] writes it.
    #[must_use]
    pub fn key<'a>(&self, url: &'a str) -> Key<'a> {
        self.keys.of_written(url)
    }

    pub(super) fn secret(&self) -> Secret {
        self.keys.secret()
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("last", &self.now()).finish_non_exhaustive()
    }
}
