//! The accounts of all keys, bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use siphasher::sip::SipHasher13;
use tokio::sync::Mutex as Gate;

use super::account::{Account, Step, Terms};
use crate::rate_limit::{Key, Verdict};

/// By a hash under a secret of this process, in shards.
pub(super) struct Accounts {
    shards: Box<[Mutex<Shard>]>,
    hasher: SipHasher13,
    max_keys: usize,
}

#[derive(Default)]
struct Shard {
    kept: HashMap<u64, Kept>,
    /// How many there may be before those that are idle are looked for again.
    sweep_at: usize,
}

struct Kept {
    account: Account,
    /// The key's name in Redis.
    name: Arc<str>,
    /// Held by whoever asks Redis for this key.
    gate: Arc<Gate<()>>,
}

/// What a request finds.
pub(super) enum Found {
    Decided(Verdict),
    /// Redis has to be asked, one at a time.
    Refill {
        most: u32,
        gate: Arc<Gate<()>>,
    },
    /// There is no room for the key, so that Redis decides each request.
    NoRoom,
}

/// Something to give back.
pub(super) struct Leftover {
    pub(super) name: Arc<str>,
    pub(super) units: u32,
}

const SHARDS: usize = 64;

impl Accounts {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            max_keys: max_keys.div_ceil(SHARDS),
        }
    }

    pub(super) fn tag(&self, key: &Key) -> u64 {
        self.hasher.hash(key.as_bytes())
    }

    pub(super) fn spend(
        &self,
        tag: u64,
        cost: u32,
        terms: Terms,
        now_us: u64,
        name: impl FnOnce() -> String,
    ) -> Found {
        let mut shard = self.lock(tag);
        if !shard.kept.contains_key(&tag) && !shard.has_room(self.max_keys, now_us) {
            return Found::NoRoom;
        }
        let new = || Kept { account: Account::default(), name: name().into(), gate: Arc::default() };
        let kept = shard.kept.entry(tag).or_insert_with(new);
        match kept.account.spend(cost, terms, now_us) {
            Step::Decided(verdict) => Found::Decided(verdict),
            Step::Refill { most } => Found::Refill { most, gate: Arc::clone(&kept.gate) },
        }
    }

    /// What Redis has charged. Where the key was forgotten meanwhile, what is too much of it has to be given back.
    pub(super) fn refilled(
        &self,
        tag: u64,
        times: u32,
        cost: u32,
        verdict: &Verdict,
        terms: Terms,
        now_us: u64,
    ) -> u32 {
        match self.lock(tag).kept.get_mut(&tag) {
            Some(kept) => {
                kept.account.refilled(times, cost, verdict, terms, now_us);
                0
            }
            None => times.saturating_sub(1).saturating_mul(cost),
        }
    }

    /// What has expired of one key.
    pub(super) fn expire(&self, tag: u64, now_us: u64) -> u32 {
        self.lock(tag).kept.get_mut(&tag).map_or(0, |kept| kept.account.expire(now_us))
    }

    /// What has expired, or, where `all` is asked for, is held at all.
    pub(super) fn leftovers(&self, all: bool, now_us: u64) -> Vec<Leftover> {
        let mut leftovers = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for kept in shard.kept.values_mut() {
                let units = if all { kept.account.close() } else { kept.account.expire(now_us) };
                if units > 0 {
                    leftovers.push(Leftover { name: Arc::clone(&kept.name), units });
                }
            }
        }
        leftovers
    }

    fn lock(&self, tag: u64) -> std::sync::MutexGuard<'_, Shard> {
        let place = usize::try_from(tag % SHARDS as u64).unwrap_or(0);
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn has_room(&mut self, max_keys: usize, now_us: u64) -> bool {
        if self.kept.len() < self.sweep_at.min(max_keys) {
            return true;
        }
        // A gate that somebody holds belongs to a question under way.
        self.kept.retain(|_, kept| Arc::strong_count(&kept.gate) > 1 || !kept.account.is_idle(now_us));
        self.sweep_at = (2 * self.kept.len()).max(16);
        self.kept.len() < max_keys
    }
}
