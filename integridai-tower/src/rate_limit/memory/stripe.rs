//! A shard and the lock that its keys share.

use std::sync::Arc;

use super::hot::{Hot, Owed};
use super::shard::{IN_A_ROW, Request, Shard};
use super::sync::{Mutex, MutexGuard};
use crate::rate_limit::{Quotas, Verdict};

/// On cache lines of its own, so that the keys of one shard do not slow down those of the next.
///
/// A lock is handed over in several steps between processors, and takes two steps where nobody else wants it. So a key that is
/// asked for many times in a row, or twice by somebody who had to wait, is lent to the [`Hot`] slot, where one swap decides,
/// until another one wants that.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Stripe {
    hot: Hot,
    shard: Mutex<Shard>,
}

impl Stripe {
    pub(super) fn new(quotas: Arc<Quotas>, max_keys: usize) -> Self {
        Self { hot: Hot::new(), shard: Mutex::new(Shard::new(quotas, max_keys)) }
    }

    #[inline]
    pub(super) fn decide(&self, request: Request<'_>, now_us: u64) -> Verdict {
        if self.hot.has(request.tag) {
            return self.decide_hot(request, now_us);
        }
        let Some(mut shard) = self.shard.try_lock() else {
            return self.decide_after_waiting(request, now_us);
        };
        let verdict = shard.decide(request, now_us);
        if verdict.is_without_room() {
            return self.make_room(&mut shard, request, now_us);
        }
        if shard.is_asked_for_in_a_row(request.tag, 1) {
            self.lend(&mut shard, request.tag, now_us);
        }
        verdict
    }

    /// The same for a key that has the slot, as a rule. A function of its own, so that the way of all others stays a short one.
    #[inline(never)]
    pub(super) fn decide_hot(&self, request: Request<'_>, now_us: u64) -> Verdict {
        let verdict = self.hot.decide(request, now_us);
        if verdict.is_without_room() { self.decide_after_waiting(request, now_us) } else { verdict }
    }

    #[cold]
    fn decide_after_waiting(&self, request: Request<'_>, now_us: u64) -> Verdict {
        let mut shard = self.shard.lock();
        let verdict = shard.decide_slowly(request, now_us);
        if verdict.is_without_room() {
            return self.make_room(&mut shard, request, now_us);
        }
        if shard.is_asked_for_in_a_row(request.tag, IN_A_ROW) {
            self.lend(&mut shard, request.tag, now_us);
        }
        verdict
    }

    /// Where the shard has no room: for a key that is in the slot, or whose place is kept for one that owes nothing any longer.
    #[cold]
    fn make_room(&self, shard: &mut Shard, request: Request<'_>, now_us: u64) -> Verdict {
        // It may have been lent since the slot was looked at.
        let verdict = self.hot.decide(request, now_us);
        if !verdict.is_without_room() {
            return verdict;
        }
        if shard.is_lent(request.tag) || self.hot.owes_nothing(now_us) {
            self.take_back(shard, now_us);
            return shard.decide_slowly(request, now_us);
        }
        verdict
    }

    /// What the key had taken is in the slot from now on, where that can have it.
    #[cold]
    fn lend(&self, shard: &mut Shard, tag: u64, now_us: u64) {
        let Some((pace, debt)) = shard.owed(tag, now_us) else { return };
        self.take_back(shard, now_us);
        if self.hot.has_room(debt) {
            shard.lend(tag);
            self.hot.open(&pace, Owed { tag, debt, at_us: now_us });
        }
    }

    fn take_back(&self, shard: &mut Shard, now_us: u64) {
        if let Some(Owed { tag, debt, at_us }) = self.hot.close(now_us) {
            shard.take_back(tag, debt, at_us);
        }
    }

    /// Gives back to a key what it took; nothing where it is not known any longer.
    pub(super) fn refund(&self, tag: u64, cost: u32, now_us: u64) {
        self.lock_for(tag, now_us).refund(tag, cost, now_us);
    }

    /// Gives a key its full quota.
    pub(super) fn reset(&self, tag: u64, now_us: u64) {
        self.lock_for(tag, now_us).reset(tag);
    }

    /// With all that is known of this key.
    fn lock_for(&self, tag: u64, now_us: u64) -> MutexGuard<'_, Shard> {
        let mut shard = self.shard.lock();
        if shard.is_lent(tag) {
            self.take_back(&mut shard, now_us);
        }
        shard
    }

    /// What each key has used, it has used of the new quotas.
    pub(super) fn set_quotas(&self, quotas: &Arc<Quotas>, now_us: impl Fn() -> u64) {
        let mut shard = self.shard.lock();
        let now_us = now_us();
        self.take_back(&mut shard, now_us);
        shard.set_quotas(quotas, now_us);
    }

    pub(super) fn keys(&self) -> usize {
        self.shard.lock().len()
    }
}

#[cfg(test)]
mod tests;
