//! The accounts of all keys, bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use siphasher::sip::SipHasher13;

use super::account::{Account, Grant, Step, Terms};
use super::exchange::Gate;
use crate::rate_limit::redis::script::{Charged, Return};
use crate::rate_limit::{Key, Verdict};

/// By a hash under a secret of this process, in shards.
pub(super) struct Accounts {
    shards: Box<[Mutex<Shard>]>,
    hasher: SipHasher13,
    terms: Terms,
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
    gate: Gate,
}

/// What a request finds.
pub(super) enum Found {
    Decided(Verdict),
    /// Redis has to be asked, one at a time.
    Refill {
        most: u32,
        name: Arc<str>,
        gate: Gate,
    },
    /// There is no room for the key, so that Redis decides each request.
    NoRoom,
}

const SHARDS: usize = 64;

impl Accounts {
    pub(super) fn new(max_keys: usize, terms: Terms) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            terms,
            max_keys: max_keys.div_ceil(SHARDS),
        }
    }

    pub(super) fn tag(&self, key: &Key) -> u64 {
        self.hasher.hash(key.as_bytes())
    }

    pub(super) fn spend(&self, tag: u64, cost: u32, now_us: u64, name: impl FnOnce() -> String) -> Found {
        let mut shard = self.lock(tag);
        if !shard.kept.contains_key(&tag) && !shard.has_room(self.max_keys, self.terms, now_us) {
            return Found::NoRoom;
        }
        let new = || Kept { account: Account::default(), name: name().into(), gate: Gate::default() };
        let kept = shard.kept.entry(tag).or_insert_with(new);
        match kept.account.spend(cost, self.terms, now_us) {
            Step::Decided(verdict) => Found::Decided(verdict),
            Step::Refill { most } => {
                Found::Refill { most, name: Arc::clone(&kept.name), gate: Arc::clone(&kept.gate) }
            }
        }
    }

    /// What Redis has answered; `used` of it is for the request that asked, which is told this.
    pub(super) fn refilled(&self, tag: u64, grant: Grant, used: u32, now_us: u64) -> Verdict {
        let verdict = grant.verdict;
        let mut shard = self.lock(tag);
        let kept = shard.kept.get_mut(&tag);
        // A key whose gate is held is not forgotten.
        kept.map_or(verdict, |kept| kept.account.refilled(grant, used, self.terms, now_us))
    }

    /// Lets go of what is held of a key and known of it, without giving it back.
    pub(super) fn forget(&self, tag: u64) {
        if let Some(kept) = self.lock(tag).kept.get_mut(&tag) {
            kept.account = Account::default();
        }
    }

    /// What has expired of one key.
    pub(super) fn expire(&self, tag: u64, now_us: u64) -> Option<Charged> {
        self.lock(tag).kept.get_mut(&tag).and_then(|kept| kept.account.expire(now_us))
    }

    /// What has expired, or, where `all` is asked for, is held at all.
    pub(super) fn leftovers(&self, all: bool, now_us: u64) -> Vec<Return> {
        let mut leftovers = Vec::new();
        for shard in &self.shards {
            for kept in lock(shard).kept.values_mut() {
                let account = &mut kept.account;
                let unused = if all { account.close(now_us) } else { account.expire(now_us) };
                leftovers.extend(unused.map(|charged| Return { name: Arc::clone(&kept.name), charged }));
            }
        }
        leftovers
    }

    /// The keys about which Redis is asked, or, unless `all` are asked for, was asked by requests that have all left.
    pub(super) fn asking(&self, all: bool) -> Vec<(u64, Gate)> {
        let mut asking = Vec::new();
        for shard in &self.shards {
            for (tag, kept) in &mut lock(shard).kept {
                let is_asking = match Arc::get_mut(&mut kept.gate) {
                    Some(gate) => gate.get_mut().is_some(),
                    None => all,
                };
                if is_asking {
                    asking.push((*tag, Arc::clone(&kept.gate)));
                }
            }
        }
        asking
    }

    fn lock(&self, tag: u64) -> MutexGuard<'_, Shard> {
        let place = usize::try_from(tag % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[place])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn has_room(&mut self, max_keys: usize, terms: Terms, now_us: u64) -> bool {
        if self.kept.len() < self.sweep_at.min(max_keys) {
            return true;
        }
        self.kept.retain(|_, kept| !kept.is_idle(terms, now_us));
        self.sweep_at = (2 * self.kept.len()).max(16);
        self.kept.len() < max_keys
    }
}

impl Kept {
    /// Whether it can be forgotten: nobody asks Redis for it, and a block for which nobody came was asked for so long ago that
    /// it could not be used any longer.
    fn is_idle(&mut self, terms: Terms, now_us: u64) -> bool {
        let Some(gate) = Arc::get_mut(&mut self.gate) else { return false };
        let exchange = gate.get_mut().as_ref();
        let is_left = exchange.is_none_or(|exchange| now_us >= exchange.asked_us + terms.time_us);
        is_left && self.account.is_idle(now_us)
    }
}
