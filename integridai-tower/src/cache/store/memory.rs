//! Responses in this process.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use super::{Key, Lookup, Purge, Purged, Resource, Store, Terms};
use crate::ConfigError;
use crate::cache::Entry;
use crate::cache::key::ByDigest;

type Resources = Cache<u128, Arc<Resource>, ByWeight, ByDigest>;

/// A share of the store that is bounded by itself has this room at least, so that large entries fit.
const SMALLEST_SHARD: u64 = 32 << 20;
const MOST_SHARDS: u64 = 64;
const LOCKS: usize = 64;

/// Keeps responses in memory, up to a number of bytes. What is asked for once does not drive out what is asked for often.
pub struct MemoryStore {
    resources: Resources,
    /// Held while an entry is put beside others, by URL.
    locks: [Mutex<()>; LOCKS],
    refused: AtomicU64,
}

/// Bounds of a [`MemoryStore`].
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct MemoryStoreOptions {
    bytes: u64,
    entries: u64,
}

/// What a [`MemoryStore`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStatus {
    /// URLs of which something is stored.
    pub urls: usize,
    /// Bytes that it takes, roughly.
    pub bytes: u64,
    /// Responses that were not stored, since they are larger than the store's share for them.
    pub refused: u64,
}

impl MemoryStore {
    /// A store of so many bytes.
    ///
    /// # Errors
    /// Less than 64 KiB hold nothing.
    pub fn new(bytes: u64) -> Result<Self, ConfigError> {
        MemoryStoreOptions::new(bytes).build()
    }

    /// What it holds now.
    #[must_use]
    pub fn status(&self) -> MemoryStatus {
        MemoryStatus {
            urls: self.resources.len(),
            bytes: self.resources.weight(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    pub(in crate::cache) fn clear(&self) {
        self.resources.clear();
    }

    /// Changes what is held of a URL, and tells what it is then.
    pub(in crate::cache) fn change(
        &self,
        key: &Key<'_>,
        change: impl FnOnce(&mut Resource),
    ) -> Arc<Resource> {
        let digest = key.digest();
        let lock = &self.locks[(digest % LOCKS as u128) as usize];
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.resources.peek(&digest);
        let mut resource = known.map_or_else(|| Resource::new(key), |known| (*known).clone());
        change(&mut resource);
        let resource = Arc::new(resource);
        self.insert(digest, Arc::clone(&resource));
        resource
    }

    fn insert(&self, digest: u128, resource: Arc<Resource>) {
        if self.resources_weight(&resource) > self.resources.shard_capacity() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.resources.remove(&digest);
        } else {
            self.resources.insert(digest, resource);
        }
    }

    fn resources_weight(&self, resource: &Resource) -> u64 {
        resource.weight() as u64
    }
}

impl MemoryStoreOptions {
    /// So many bytes, and any number of URLs.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, entries: u64::MAX }
    }

    /// Keeps about this many URLs at most.
    pub fn most_urls(self, urls: u64) -> Self {
        Self { entries: urls.max(1), ..self }
    }

    /// Makes the store.
    ///
    /// # Errors
    /// Less than 64 KiB hold nothing.
    pub fn build(self) -> Result<MemoryStore, ConfigError> {
        if self.bytes < 64 << 10 {
            return Err(ConfigError::new("bytes", "less than 64 KiB hold nothing"));
        }
        let shards = (self.bytes / SMALLEST_SHARD).clamp(1, MOST_SHARDS).next_power_of_two();
        let estimated = (self.bytes / (16 << 10)).clamp(16, 1 << 16).min(self.entries);
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .estimated_items_capacity(usize::try_from(estimated).unwrap_or(16))
            .weight_capacity(self.bytes)
            .build()
            .map_err(|error| ConfigError::new("bytes", error.to_string()))?;
        let least = if self.entries == u64::MAX { 1 } else { (self.bytes / self.entries).max(1) };
        let (weighter, hasher) = (ByWeight { least }, ByDigest::default());
        let resources = Cache::with_options(options, weighter, hasher, DefaultLifecycle::default());
        Ok(MemoryStore {
            resources,
            locks: std::array::from_fn(|_| Mutex::new(())),
            refused: AtomicU64::new(0),
        })
    }
}

impl Store for MemoryStore {
    fn find(&self, key: &Key<'_>) -> Lookup {
        Lookup::Decided(self.resources.get(&key.digest()))
    }

    fn peek(&self, key: &Key<'_>) -> Option<Arc<Resource>> {
        self.resources.peek(&key.digest())
    }

    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>) {
        self.change(key, |resource| resource.put(entry, terms.most_variants()));
        // Changes are noted before anything is removed: what came in between is seen by one of the two.
        if !terms.hold(key) {
            self.remove(key);
        }
    }

    fn remove(&self, key: &Key<'_>) {
        self.resources.remove(&key.digest());
    }

    fn purge(&self, purge: &Purge<'_>) -> usize {
        if let Purged::Url(key) = purge.what {
            let digest = key.digest();
            let Some(resource) = self.resources.peek(&digest) else { return 0 };
            expire(&resource);
            if !purge.is_soft {
                self.resources.remove(&digest);
            }
            return 1;
        }
        let purged = AtomicU64::new(0);
        self.resources.retain(|_, resource| {
            if !purge.chooses(resource) {
                return true;
            }
            purged.fetch_add(1, Ordering::Relaxed);
            expire(resource);
            purge.is_soft
        });
        usize::try_from(purged.into_inner()).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn expire(resource: &Resource) {
    resource.entries().iter().for_each(|entry| entry.expire());
}

#[derive(Debug, Clone)]
struct ByWeight {
    least: u64,
}

impl Weighter<u128, Arc<Resource>> for ByWeight {
    fn weight(&self, _: &u128, resource: &Arc<Resource>) -> u64 {
        (resource.weight() as u64).max(self.least)
    }
}
