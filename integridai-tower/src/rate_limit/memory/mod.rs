//! A limiter that keeps its keys in this process.

mod hot;
mod options;
mod shard;
mod stripe;
mod sync;
mod table;
mod tag;
mod time;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

pub use options::{MemoryLimiterOptions, WhenFull};
use shard::Request;
use stripe::Stripe;
use sync::Mutex;
use tag::Tagger;
use time::Time;

use super::{Admit, Ask, Attempt, Key, Quota, Quotas, Verdict};
use crate::ConfigError;

/// Limits within this process. A clone shares its keys.
///
/// It needs no background task: a key that is back to its full quota is forgotten when room is wanted. A key
/// that is not is never forgotten. When there is no room for a further key, see [`WhenFull`].
///
/// Keys are told apart by 64 bits of a hash under a secret of this process; 16 bytes are kept per key and quota, and a
/// fifth more at most once [`max_keys`](MemoryLimiterOptions::max_keys) is reached.
///
/// ```
/// use integridai_tower::rate_limit::{Key, MemoryLimiter, Quota};
///
/// let limiter = MemoryLimiter::new([Quota::per_second(2), Quota::per_day(1000)])?;
/// let key = Key::from("user-7");
/// assert!(limiter.check(&key).is_admitted() && limiter.check(&key).is_admitted());
/// let refused = limiter.check(&key);
/// assert!(refused.retry_after().is_some_and(|wait| wait.as_millis() <= 500));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct MemoryLimiter(Arc<Shared>);

struct Shared {
    /// A power of two of them.
    stripes: Box<[Stripe]>,
    /// What keys share that have no room: one key.
    overflow: Stripe,
    quotas: ArcSwap<Quotas>,
    tagger: Tagger,
    time: Time,
    when_full: WhenFull,
    /// Held while quotas are set, so that all shards end with the same ones.
    setting: Mutex<()>,
    without_room: AtomicU64,
}

/// The tag of what keys share that have no room.
const SHARED: u64 = 1;

/// How full a [`MemoryLimiter`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStatus {
    /// Keys that are kept: those that are not back to their full quota, and some that are.
    pub keys: usize,
    /// Requests so far for whose key there was no room.
    pub without_room: u64,
}

impl MemoryLimiter {
    /// Limits each key to all of these quotas, for up to 100 000 keys at a time.
    ///
    /// # Errors
    /// As [`Quotas::new`].
    pub fn new(quotas: impl IntoIterator<Item = Quota>) -> Result<Self, ConfigError> {
        MemoryLimiterOptions::new().build(quotas)
    }

    fn with(options: &MemoryLimiterOptions, quotas: Quotas) -> Self {
        let quotas = Arc::new(quotas);
        let count = options.shards();
        let max_keys = options.max_keys.div_ceil(count);
        let stripe = |max_keys| Stripe::new(Arc::clone(&quotas), max_keys);
        Self(Arc::new(Shared {
            stripes: (0..count).map(|_| stripe(max_keys)).collect(),
            overflow: stripe(1),
            tagger: Tagger::new(),
            time: Time::of(options.clock.clone()),
            when_full: options.when_full,
            setting: Mutex::new(()),
            without_room: AtomicU64::new(0),
            quotas: ArcSwap::new(quotas),
        }))
    }

    /// Decides one request that costs 1 and does not wait.
    pub fn check(&self, key: &Key) -> Verdict {
        self.0.decide(&Ask::once(key))
    }

    /// Decides, and charges the key where it admits.
    pub fn decide(&self, ask: &Ask<'_>) -> Verdict {
        self.0.decide(ask)
    }

    /// How the key stands; nothing is charged.
    pub fn inspect(&self, key: &Key) -> Verdict {
        self.decide(&Ask { cost: 0, ..Ask::once(key) })
    }

    /// Gives back what an admitted request had taken of the key's own quota. What keys without room share is given back by
    /// [`Admit::refund`] alone, which knows what was charged.
    pub fn give_back(&self, key: &Key, cost: u32) {
        let tag = self.0.tagger.tag(key);
        self.0.stripe(tag).refund(tag, cost, self.0.now());
    }

    /// Gives the key its full quota.
    pub fn reset(&self, key: &Key) {
        let tag = self.0.tagger.tag(key);
        self.0.stripe(tag).reset(tag, self.0.now());
    }

    /// Changes the quotas. What a key has used, it has used of the new quotas of the same names too.
    ///
    /// # Errors
    /// As [`Quotas::new`]; the former quotas remain.
    pub fn set_quotas(&self, quotas: impl IntoIterator<Item = Quota>) -> Result<(), ConfigError> {
        let quotas = Arc::new(Quotas::new(quotas)?);
        let _setting = self.0.setting.lock();
        for stripe in self.0.stripes.iter().chain([&self.0.overflow]) {
            stripe.set_quotas(&quotas, || self.0.now());
        }
        self.0.quotas.store(quotas);
        Ok(())
    }

    /// How full it is. Looks at each shard.
    #[must_use]
    pub fn status(&self) -> MemoryStatus {
        let keys = self.0.stripes.iter().map(Stripe::keys).sum();
        MemoryStatus { keys, without_room: self.0.without_room.load(Ordering::Relaxed) }
    }
}

impl Admit for MemoryLimiter {
    fn admit(&self, ask: &Ask<'_>) -> Attempt {
        Attempt::Decided(self.0.decide(ask))
    }

    fn refund(
        &self,
        key: &Key,
        cost: u32,
        verdict: &Verdict,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        if verdict.is_shared() {
            self.0.overflow.refund(SHARED, cost, self.0.now());
        } else {
            self.give_back(key, cost);
        }
        None
    }

    fn quotas(&self) -> Arc<Quotas> {
        self.0.quotas.load_full()
    }

    fn with_quotas(&self, see: &mut dyn FnMut(&Quotas)) {
        see(&self.0.quotas.load());
    }
}

impl Shared {
    #[inline]
    fn decide(&self, ask: &Ask<'_>) -> Verdict {
        let tag = self.tagger.tag(ask.key);
        let request = Request { tag, ask };
        let now = self.now();
        let verdict = self.stripe(tag).decide(request, now);
        if verdict.is_without_room() { self.decide_without_room(request, now) } else { verdict }
    }

    #[cold]
    fn decide_without_room(&self, request: Request<'_>, now: u64) -> Verdict {
        self.without_room.fetch_add(1, Ordering::Relaxed);
        match self.when_full {
            WhenFull::Share => self.overflow.decide_hot(Request { tag: SHARED, ..request }, now).shared(),
            WhenFull::Refuse => Verdict::without_room(),
        }
    }

    #[inline]
    fn stripe(&self, tag: u64) -> &Stripe {
        let low = usize::try_from(tag & 0xffff_ffff).unwrap_or(0);
        &self.stripes[low & (self.stripes.len() - 1)]
    }

    #[inline]
    fn now(&self) -> u64 {
        self.time.now_us()
    }
}

impl fmt::Debug for MemoryLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimiter").field("quotas", &self.0.quotas.load()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
