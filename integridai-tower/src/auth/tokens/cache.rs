//! Tokens that were verified lately.

use std::fmt;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::Principal;

/// Verified tokens, found by a hash of their text under a key that is known to this process alone, so that nobody can
/// look for a token with the hash of another. The text itself is not kept.
pub(super) struct TokenCache {
    entries: Cache<u128, Entry>,
    max_tokens: usize,
    hasher: SipHasher13,
    /// What was kept under an earlier number is gone.
    generation: AtomicU64,
}

/// The hash of a token.
#[derive(Clone, Copy)]
pub(super) struct TokenHash(u128);

#[derive(Clone)]
struct Entry {
    principal: Principal,
    /// As time since 1970-01-01 UTC.
    until: Duration,
    generation: u64,
}

impl TokenCache {
    pub(super) fn new(max_tokens: usize) -> Self {
        // A version 4 UUID is 122 random bits; two of them are more than the 128 that are needed.
        let (first, second) = (uuid::Uuid::new_v4().as_u64_pair(), uuid::Uuid::new_v4().as_u64_pair());
        let hasher = SipHasher13::new_with_keys(first.0 ^ second.1, first.1 ^ second.0);
        Self { entries: Cache::new(max_tokens), max_tokens, hasher, generation: AtomicU64::new(0) }
    }

    /// One of the same size.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.max_tokens)
    }

    pub(super) fn hash(&self, token: &str) -> TokenHash {
        let mut hasher = self.hasher;
        hasher.write(token.as_bytes());
        TokenHash(hasher.finish128().as_u128())
    }

    /// The principal of a token that was kept in this generation and has not ended.
    pub(super) fn get(&self, token: TokenHash, generation: u64, now: Duration) -> Option<Principal> {
        let entry = self.entries.get(&token.0)?;
        (entry.generation == generation && now < entry.until).then_some(entry.principal)
    }

    /// Keeps a token that was verified while `generation` was the current one.
    pub(super) fn insert(&self, token: TokenHash, generation: u64, principal: Principal, until: Duration) {
        self.entries.insert(token.0, Entry { principal, until, generation });
    }

    /// Part of the number under which tokens are kept.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Forgets all tokens.
    pub(super) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("tokens", &self.entries.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_known_until_its_end_and_within_its_generation() {
        let cache = TokenCache::new(10);
        let hash = cache.hash("a.b.c");
        cache.insert(hash, 7, Principal::builder("u").build(), at(100));
        assert_eq!(cache.get(hash, 7, at(99)).unwrap().subject(), "u");
        assert!(cache.get(hash, 7, at(100)).is_none(), "it has ended");
        assert!(cache.get(hash, 8, at(99)).is_none(), "the keys are others");
        assert!(cache.get(cache.hash("a.b.d"), 7, at(99)).is_none());
        cache.clear();
        assert!(cache.get(hash, 7, at(99)).is_none());
    }

    #[test]
    fn a_flood_of_tokens_is_not_kept() {
        let cache = TokenCache::new(100);
        for number in 0..10_000 {
            cache.insert(cache.hash(&number.to_string()), 0, Principal::builder("u").build(), at(100));
        }
        assert!(cache.entries.len() <= 100, "{}", cache.entries.len());
    }
}
