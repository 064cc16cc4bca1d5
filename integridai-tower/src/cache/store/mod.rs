//! Where responses are kept.

mod memory;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::HeaderMap;

pub use self::memory::{MemoryStatus, MemoryStore, MemoryStoreOptions};
use super::entry::Entry;
use super::key::Key;

/// Keeps responses. Implemented by [`MemoryStore`]; with it, a layer takes one of yours.
///
/// Nothing of it may block. A store that has to wait to write queues what it is given, and drops it when it cannot: a cache may
/// forget.
pub trait Store: Send + Sync {
    /// What is stored for a URL. A store that cannot be reached has nothing.
    fn find(&self, key: &Key<'_>) -> Lookup;

    /// Stores an entry beside those that are for other requests to the URL, of which it keeps no more than `most_variants`.
    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, most_variants: usize);

    /// Removes all that is stored for a URL.
    fn remove(&self, key: &Key<'_>);

    /// Removes or expires what was chosen, and tells of how many URLs that was.
    fn purge(&self, purge: &Purge<'_>) -> usize;
}

/// So that whoever owns a store can ask how it is while a layer has it too.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn find(&self, key: &Key<'_>) -> Lookup {
        (**self).find(key)
    }

    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, most_variants: usize) {
        (**self).put(key, entry, most_variants);
    }

    fn remove(&self, key: &Key<'_>) {
        (**self).remove(key);
    }

    fn purge(&self, purge: &Purge<'_>) -> usize {
        (**self).purge(purge)
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
    /// This one, by its [digest](Key::digest).
    Url(u128),
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
            Purged::Url(digest) => resource.digest == digest,
            Purged::Prefix(prefix) => resource.url.starts_with(prefix),
            Purged::Tag(tag) => resource.entries.iter().any(|entry| entry.has_tag(tag)),
        }
    }
}

/// The entries of one URL.
#[derive(Debug, Clone)]
pub struct Resource {
    digest: u128,
    url: Box<str>,
    /// The latest first.
    entries: Vec<Arc<Entry>>,
}

impl Resource {
    /// Without an entry.
    #[must_use]
    pub fn new(key: &Key<'_>) -> Self {
        Self { digest: key.digest(), url: key.url().into(), entries: Vec::new() }
    }

    /// Puts an entry in, in place of one for the same requests, and leaves out the oldest beyond `most_variants`.
    pub fn put(&mut self, entry: Arc<Entry>, most_variants: usize) {
        self.entries.retain(|known| !known.selecting.is_same(&entry.selecting));
        let date = |entry: &Entry| (entry.freshness.date, entry.freshness.received);
        let at = self.entries.partition_point(|known| date(known) > date(&entry));
        self.entries.insert(at, entry);
        self.entries.truncate(most_variants.max(1));
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.url.len() + self.entries.iter().map(|entry| entry.weight()).sum::<usize>()
    }

    /// Its entries, the latest first.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The latest that is for this request (RFC 9111 §4.1).
    pub(super) fn select(&self, request: &HeaderMap) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.selecting.matches(request))
    }
}
