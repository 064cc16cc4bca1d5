//! What the store and the work beside it share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use redis::RedisResult;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::format::{Record, decode};
use super::link::{Link, Session};
use super::log::{Bans, Change, Position, Standing, What};
use super::lookups::Lookups;
use super::options::RedisStoreOptions;
use super::queue::Queue;
use super::script::{Joined, Scripts};
use crate::cache::store::{Purge, Store};
use crate::cache::{Changes, Entry, Key, MemoryStore, Purged, Resource};

pub(super) struct Shared {
    pub(super) options: RedisStoreOptions,
    pub(super) memory: MemoryStore,
    pub(super) changes: Arc<Changes>,
    pub(super) link: Link,
    pub(super) queue: Queue,
    pub(super) lookups: Arc<Lookups>,
    pub(super) places: Arc<Semaphore>,
    pub(super) scripts: Scripts,
    pub(super) counts: Counts,
    heard: Mutex<Heard>,
    /// Names in braces, so that a cluster keeps all that belongs together in one slot.
    prefix: String,
}

/// What this replica has heard of changes.
#[derive(Default)]
struct Heard {
    /// Everything up to here.
    position: Option<Position>,
    bans: Bans,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) without_redis: AtomicU64,
    pub(super) unreadable: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) not_written: AtomicU64,
    pub(super) heard: AtomicU64,
    pub(super) gaps: AtomicU64,
}

/// A change was missed, or there is no answer: what is known has to be made up for first.
#[derive(Debug)]
pub(super) struct Lost;

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    pub(super) fn new(options: RedisStoreOptions, name: &str, memory: MemoryStore) -> Arc<Self> {
        let prefix = format!("{}:{{{name}}}:", options.prefix);
        Arc::new(Self {
            memory,
            changes: Arc::default(),
            link: Link::new(),
            queue: Queue::new(options.queued),
            lookups: Arc::default(),
            places: Arc::new(Semaphore::new(options.places)),
            scripts: Scripts::new(&prefix, format!("{:016x}", rand::random::<u64>())),
            counts: Counts::default(),
            heard: Mutex::default(),
            prefix,
            options,
        })
    }

    /// The name of a URL's entries in Redis.
    pub(super) fn name(&self, url: &str) -> String {
        format!("{}url:{}", self.prefix, digits(url.as_bytes()))
    }

    /// Up to where it has heard of everything.
    pub(super) fn position(&self) -> Option<Position> {
        self.heard().position
    }

    /// What Redis has of a URL, which is put into memory.
    pub(super) async fn look_up(
        &self,
        key: &Key<'_>,
        mark: u64,
        session: &mut Session,
    ) -> Option<Arc<Resource>> {
        let url = key.url();
        let mut ask = redis::cmd("HVALS");
        ask.arg(self.name(&url));
        let asked = ask.query_async::<Vec<Vec<u8>>>(&mut session.connection);
        let values = match timeout(self.options.response, asked).await {
            Ok(answer) => self.values(answer, session)?,
            Err(_) => {
                self.link.lose(session);
                return None;
            }
        };
        let entries: Vec<_> =
            values.into_iter().filter_map(|value| self.entry(&url, &Bytes::from(value))).collect();
        let is_unchanged = || self.changes.is_unchanged_since(mark, key.digest());
        if entries.is_empty() || !is_unchanged() {
            return None;
        }
        let resource = self.memory.change(key, |resource| resource.merge(entries));
        // Changes are noted before anything is removed: what came in between is seen by one of the two.
        if is_unchanged() {
            return Some(resource);
        }
        self.memory.remove(key);
        None
    }

    fn values(&self, answer: RedisResult<Vec<Vec<u8>>>, session: &Session) -> Option<Vec<Vec<u8>>> {
        match answer {
            Ok(values) => {
                self.link.succeed();
                Some(values)
            }
            Err(error) if error.code() == Some("WRONGTYPE") => {
                count(&self.counts.unreadable);
                None
            }
            Err(_) => {
                self.link.lose(session);
                None
            }
        }
    }

    /// One that was not purged meanwhile.
    fn entry(&self, url: &str, value: &Bytes) -> Option<Arc<Entry>> {
        let Some(Record { position, entry, .. }) = decode(value).filter(|record| record.url == url) else {
            count(&self.counts.unreadable);
            return None;
        };
        match self.heard().bans.standing(position, url, &entry) {
            Standing::Gone => return None,
            Standing::Expired => entry.expire(),
            Standing::Untouched => {}
        }
        entry.keep_at(self.link.now());
        Some(Arc::new(entry))
    }

    /// Takes over what Redis says; where it may have missed something, nothing in memory counts as fresh.
    pub(super) fn join(&self, joined: Joined) -> Result<(), Lost> {
        let last = joined.log.last().map(|change| change.position).ok_or(Lost)?;
        let first = joined.log.first().map(|change| change.position);
        let mut heard = self.heard();
        heard.bans = Bans::new(joined.bans);
        let former = heard.position;
        let is_continued = former.is_some() && former == first;
        if is_continued && joined.log.iter().try_for_each(|change| self.take(&mut heard, change)).is_ok() {
            return Ok(());
        }
        self.changes.note_all();
        self.memory.purge(&Purge::new(Purged::All, true));
        heard.position = Some(last);
        if former.is_some() {
            count(&self.counts.gaps);
        }
        Ok(())
    }

    pub(super) fn hear(&self, changes: &[Change]) -> Result<(), Lost> {
        let mut heard = self.heard();
        changes.iter().try_for_each(|change| self.take(&mut heard, change))
    }

    /// Notes a change of its own, of which it has heard when it has heard of all before.
    pub(super) fn told(&self, change: &Change) {
        let mut heard = self.heard();
        heard.bans.add(change);
        if heard.position.is_some() && heard.position == change.after {
            heard.position = Some(change.position);
        }
    }

    fn take(&self, heard: &mut Heard, change: &Change) -> Result<(), Lost> {
        if heard.position.is_some_and(|position| change.position <= position) {
            return Ok(());
        }
        if change.after != heard.position {
            return Err(Lost);
        }
        if change.by != self.scripts.name() && change.what != What::Begun {
            self.apply(&change.what, change.is_soft);
            count(&self.counts.heard);
        }
        heard.bans.add(change);
        heard.position = Some(change.position);
        Ok(())
    }

    /// Does here what another replica did.
    fn apply(&self, what: &What, is_soft: bool) {
        let purge = |what: Purged<'_>| {
            self.changes.note_all();
            self.memory.purge(&Purge::new(what, is_soft));
        };
        match what {
            What::Url(url) => {
                let key = self.changes.key(url);
                self.changes.note(key.digest());
                self.memory.purge(&Purge::new(Purged::Url(&key), is_soft));
            }
            What::Prefix(prefix) => purge(Purged::Prefix(prefix)),
            What::Tag(tag) => purge(Purged::Tag(tag)),
            What::All | What::Unknown => purge(Purged::All),
            What::Begun => {}
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 32 digits that stand for a text.
pub(super) fn digits(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
    digest[..16].iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A limit to how long an entry stays in Redis.
const LONGEST_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

impl RedisStoreOptions {
    /// In ms.
    pub(super) fn ttl_ms(&self, entry: &Entry) -> u64 {
        let useful = entry.freshness.usefulness(entry.has_validator(), self.stale.as_secs());
        // The clocks of replicas differ a little.
        useful.saturating_add(10).min(LONGEST_TTL.as_secs()) * 1000
    }
}
