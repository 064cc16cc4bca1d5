use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::log::What;
use super::queue::Put;
use super::shared::{Shared, count};
use crate::cache::store::{Lookup, Purge, Purged, Store, Terms};
use crate::cache::{Changes, Entry, Key, MemoryStatus, Resource};

/// Responses in memory, and behind it in a Redis that replicas share. A clone is the same store. See the [module docs](super).
#[derive(Clone)]
pub struct RedisStore(Arc<Handle>);

/// The last of them ends the work beside it.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

/// How a [`RedisStore`] stands with its Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStatus {
    /// Whether it hears of what other replicas purge, and shares entries with them.
    pub is_in_step: bool,
    /// For how long it has not.
    pub apart_for: Option<Duration>,
    /// How often it lost Redis so far.
    pub outages: u64,
    /// How often it came back too late to hear of all changes, so that all of its memory had to be confirmed.
    pub gaps: u64,
    /// Look-ups in Redis that found something of the URL.
    pub hits: u64,
    /// Look-ups in Redis that found nothing, or got no answer.
    pub misses: u64,
    /// Requests that went on without a look-up in Redis: it was away, or too many waited for it.
    pub without_redis: u64,
    /// Entries in Redis that were not understood.
    pub unreadable: u64,
    /// Entries that were written to Redis.
    pub written: u64,
    /// Entries that were not: Redis was away or full, they were too large or too many, or they were purged first.
    pub not_written: u64,
    /// Changes of other replicas of which it heard.
    pub heard: u64,
    /// Changes of this one that Redis is still to be told of.
    pub untold: usize,
    /// What is in memory.
    pub memory: MemoryStatus,
}

impl RedisStore {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::new(Handle(Arc::clone(shared))))
    }

    /// How it stands with its Redis.
    #[must_use]
    pub fn status(&self) -> RedisStatus {
        let shared = self.shared();
        let (link, counts) = (&shared.link, &shared.counts);
        let apart_since = link.apart_since();
        RedisStatus {
            is_in_step: apart_since.is_none(),
            apart_for: apart_since.map(|since| Duration::from_millis(link.now().saturating_sub(since))),
            outages: link.outages(),
            gaps: counts.gaps.load(Ordering::Relaxed),
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            without_redis: counts.without_redis.load(Ordering::Relaxed),
            unreadable: counts.unreadable.load(Ordering::Relaxed),
            written: counts.written.load(Ordering::Relaxed),
            not_written: counts.not_written.load(Ordering::Relaxed),
            heard: counts.heard.load(Ordering::Relaxed),
            untold: shared.queue.changes(),
            memory: shared.memory.status(),
        }
    }

    /// Waits until it is in step with the other replicas: at once, unless the work beside it has just begun or Redis is away.
    pub async fn in_step(&self) {
        self.shared().link.opened().await;
    }

    /// Waits until Redis has what was stored and purged here. It does not come to an end while Redis is away and there is a purge
    /// that it has to be told of.
    pub async fn settled(&self) {
        self.shared().queue.settled().await;
    }

    /// Drops what is in memory; what is in Redis stays.
    pub fn clear_memory(&self) {
        self.shared().memory.clear();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// Nothing was heard of purges since then: what was stored too long ago is confirmed before it is used.
    #[cold]
    fn distrust(&self, resource: &Resource, since: u64) {
        let trust = u64::try_from(self.shared().options.trust.as_millis()).unwrap_or(u64::MAX);
        let now = self.shared().link.now();
        let is_old = |entry: &&Arc<Entry>| entry.kept_at().max(since).saturating_add(trust) <= now;
        resource.entries().iter().filter(is_old).for_each(|entry| entry.expire());
    }

    fn write(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>) {
        let shared = self.shared();
        let put = Put {
            url: key.url(),
            digest: key.digest(),
            entry,
            most_variants: terms.most_variants(),
            mark: terms.mark(),
        };
        if !(shared.link.is_open() && shared.queue.put(put)) {
            count(&shared.counts.not_written);
        }
    }
}

impl Store for RedisStore {
    fn find(&self, key: &Key<'_>) -> Lookup {
        let found = self.shared().memory.find(key);
        if let (Some(since), Lookup::Decided(Some(resource))) = (self.shared().link.apart_since(), &found) {
            self.distrust(resource, since);
        }
        found
    }

    fn peek(&self, key: &Key<'_>) -> Option<Arc<Resource>> {
        self.shared().memory.peek(key)
    }

    fn find_further(&self, key: &Key<'_>) -> Lookup {
        let shared = self.shared();
        let mark = shared.changes.now();
        let place = Arc::clone(&shared.places).try_acquire_owned().ok();
        let (Some(mut session), Some(place)) = (shared.link.enter(), place) else {
            count(&shared.counts.without_redis);
            return Lookup::Decided(None);
        };
        // Redis has not heard yet that it is no longer right.
        if shared.queue.is_about(key.digest()) {
            return Lookup::Decided(None);
        }
        let is_unchanged = |mark| shared.changes.is_unchanged_since(mark, key.digest());
        let lookup = shared.lookups.join(key.digest(), mark, is_unchanged);
        let (shared, key) = (Arc::clone(shared), key.clone().into_owned());
        Lookup::Waiting(Box::pin(async move {
            let _place = place;
            let look = shared.look_up(&key, lookup.mark, &mut session);
            // Should the one leave whose look-up this is, another one begins it anew.
            let found = timeout(2 * shared.options.response, lookup.found.get_or_init(|| look)).await;
            let found = found.ok().and_then(Option::as_ref).map(Arc::clone);
            count(if found.is_some() { &shared.counts.hits } else { &shared.counts.misses });
            found
        }))
    }

    fn put(&self, key: &Key<'_>, entry: Arc<Entry>, terms: &Terms<'_>) {
        entry.keep_at(self.shared().link.now());
        self.shared().memory.put(key, Arc::clone(&entry), terms);
        self.write(key, entry, terms);
    }

    fn expire(&self, key: &Key<'_>, entry: &Arc<Entry>, terms: &Terms<'_>) {
        entry.expire();
        self.write(key, Arc::clone(entry), terms);
    }

    fn remove(&self, key: &Key<'_>) {
        self.shared().memory.remove(key);
        self.shared().queue.change(What::Url(key.url()), Some(key), false);
    }

    fn purge(&self, purge: &Purge<'_>) -> usize {
        let purged = self.shared().memory.purge(purge);
        let key = if let Purged::Url(key) = purge.what { Some(key) } else { None };
        self.shared().queue.change(What::of(&purge.what), key, purge.is_soft);
        purged
    }

    fn changes(&self) -> Option<Arc<Changes>> {
        Some(Arc::clone(&self.shared().changes))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("status", &self.status()).finish_non_exhaustive()
    }
}
