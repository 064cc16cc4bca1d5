//! Where responses are kept.

mod memory;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::HeaderMap;

pub use self::memory::{MemoryStatus, MemoryStore, MemoryStoreOptions};
use super::changes::Changes;
use super::entry::Entry;
use super::key::Key;

/// Keeps responses. Implemented by [`MemoryStore`]; with it, a layer takes one of yours.
///
/// Nothing of it may block. A store that has to wait to write queues what it is given, and drops it when it cannot: a cache may
/// forget, but for what it was told to remove.
pub trait Store: Send + Sync {
    /// What is stored for a URL. A store that cannot be reached has nothing.
    fn find(&self, key: &Key<'_>) -> Lookup;

    /// What is stored for a URL in a place that is further away, asked for where [`find`](Self::find) had nothing that is fresh.
    /// There is no such place unless a store has one.
    fn find_further(&self, key: &Key<'_>) -> Lookup {
        let _ = key;
        Lookup::Decided(None)
    }

    /// What is stored here for a URL, which does not count as a use of it; a store that cannot tell has nothing.
    fn peek(&self, key: &Key<'_>) -> Option<Arc<Resource>> {
        let _ = key;
        None
    }

    /// Stores an entry beside those that are for other requests to the URL. Nothing of it may stay when its
    /// [terms](Terms::hold) do not hold any longer once it is there.
    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>);

    /// Makes an entry stale that was found here.
    fn expire(&self, key: &Key<'_>, entry: &Arc<Entry>, terms: &Terms<'_>) {
        let _ = (key, terms);
        entry.expire();
    }

    /// Removes all that is stored for a URL.
    fn remove(&self, key: &Key<'_>);

    /// Removes or expires what was chosen, and tells of how many URLs that was, as far as that is known at once.
    fn purge(&self, purge: &Purge<'_>) -> usize;

    /// Where it notes what others change in it; `None` for a store that only the cache changes.
    fn changes(&self) -> Option<Arc<Changes>> {
        None
    }
}

/// On which an entry is stored.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub(super) most_variants: usize,
    pub(super) changes: &'a Changes,
    pub(super) mark: u64,
}

impl Terms<'_> {
    /// How many entries are kept for one URL.
    #[must_use]
    pub fn most_variants(&self) -> usize {
        self.most_variants
    }

    /// What had been [changed](Changes::now) when the origin was asked for it.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// Whether the URL was not invalidated since the origin was asked.
    #[must_use]
    pub fn hold(&self, key: &Key<'_>) -> bool {
        self.changes.is_unchanged_since(self.mark, key.digest())
    }
}

/// So that whoever owns a store can ask how it is while a layer has it too.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn find(&self, key: &Key<'_>) -> Lookup {
        (**self).find(key)
    }

    fn find_further(&self, key: &Key<'_>) -> Lookup {
        (**self).find_further(key)
    }

    fn peek(&self, key: &Key<'_>) -> Option<Arc<Resource>> {
        (**self).peek(key)
    }

    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>) {
        (**self).put(key, entry, terms);
    }

    fn expire(&self, key: &Key<'_>, entry: &Arc<Entry>, terms: &Terms<'_>) {
        (**self).expire(key, entry, terms);
    }

    fn remove(&self, key: &Key<'_>) {
        (**self).remove(key);
    }

    fn purge(&self, purge: &Purge<'_>) -> usize {
        (**self).purge(purge)
    }

    fn changes(&self) -> Option<Arc<Changes>> {
        (**self).changes()
    }
}

/// What will be found.
pub type Found = Pin<Box<dyn Future<Output = Option<Arc<Resource>>> + Send>>;

/// What is stored for a URL, or the way to it.
pub enum Lookup {
    /// Known at once.
    Decided(Option<Arc<Resource>>),
    /// Known later. Owns all it needs, and ends in bounded time.
    Waiting(Found),
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(found) => f.debug_tuple("Decided").field(found).finish(),
            Self::Waiting(_) => f.write_str("Waiting"),
        }
    }
}

/// What to purge, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purge<'a> {
    /// Which URLs.
    pub what: Purged<'a>,
    /// Expires entries, so that the origin is asked whether they are right, rather than removing them.
    pub is_soft: bool,
}

/// Which URLs a purge is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purged<'a> {
    /// All of them.
    All,
    /// This one.
    Url(&'a Key<'a>),
    /// Those that begin with this: `http://host/path`, the host in lower case and without its default port.
    Prefix(&'a str),
    /// Those of which an entry has this tag.
    Tag(&'a str),
}

impl<'a> Purge<'a> {
    pub(super) fn new(what: Purged<'a>, is_soft: bool) -> Self {
        Self { what, is_soft }
    }

    /// Whether it is about a resource.
    #[must_use]
    pub fn chooses(&self, resource: &Resource) -> bool {
        match self.what {
            Purged::All => true,
            Purged::Url(key) => resource.digest == key.digest(),
            Purged::Prefix(prefix) => resource.url.starts_with(prefix),
            Purged::Tag(tag) => resource.entries().iter().any(|entry| entry.has_tag(tag)),
        }
    }
}

/// The entries of one URL.
#[derive(Debug, Clone)]
pub struct Resource {
    digest: u128,
    url: Box<str>,
    entries: Entries,
}

/// The latest first. Most URLs have one, which takes no piece of memory of its own.
#[derive(Debug, Clone)]
enum Entries {
    One([Arc<Entry>; 1]),
    AnyNumber(Vec<Arc<Entry>>),
}

impl Resource {
    /// Without an entry.
    #[must_use]
    pub fn new(key: &Key<'_>) -> Self {
        Self { digest: key.digest(), url: key.url().into(), entries: Entries::AnyNumber(Vec::new()) }
    }

    /// Puts an entry in, in place of one for the same requests, and leaves out the oldest beyond `most_variants`.
    pub fn put(&mut self, entry: Arc<Entry>, most_variants: usize) {
        if self.entries().iter().all(|known| known.selecting.is_same(&entry.selecting)) {
            self.entries = Entries::One([entry]);
            return;
        }
        let mut entries = self.entries().to_vec();
        entries.retain(|known| !known.selecting.is_same(&entry.selecting));
        let date = |entry: &Entry| (entry.freshness.date, entry.freshness.received);
        let at = entries.partition_point(|known| date(known) > date(&entry));
        entries.insert(at, entry);
        entries.truncate(most_variants.max(1));
        self.entries = Entries::AnyNumber(entries);
    }

    /// Puts entries in that another place holds, but for those of which it has one that is as new and not expired.
    pub(super) fn merge(&mut self, entries: Vec<Arc<Entry>>) {
        for entry in entries {
            let is_newer = |known: &Arc<Entry>| {
                known.selecting.is_same(&entry.selecting)
                    && known.freshness.received >= entry.freshness.received
                    && (entry.is_expired() || !known.is_expired())
            };
            if !self.entries().iter().any(is_newer) {
                self.put(entry, usize::MAX);
            }
        }
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.url.len() + self.entries().iter().map(|entry| entry.weight()).sum::<usize>()
    }

    /// Its entries, the latest first.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        match &self.entries {
            Entries::One(entry) => entry,
            Entries::AnyNumber(entries) => entries,
        }
    }

    /// The latest that is for this request (RFC 9111 §4.1).
    pub(super) fn select(&self, request: &HeaderMap) -> Option<&Arc<Entry>> {
        self.entries().iter().find(|entry| entry.selecting.matches(request))
    }
}
