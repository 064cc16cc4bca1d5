//! The one key of a shard that several threads ask for at once: its arrival time is a word that they swap, without the lock.
//!
//! The words of a slot only ever grow: by each charge, when it is closed, and when it is opened for another key. So whoever
//! swaps the word that it has read knows that the slot was not closed in between, and that all it has read beside the word
//! belongs to it. What is smaller than before, as after a refund, is done in the shard.

use super::shard::Request;
use super::sync::{AtomicU32, AtomicU64, Ordering};
use crate::rate_limit::Verdict;
use crate::rate_limit::pace::{Charge, MAX_TICKS, Pace};

/// On a cache line of its own, and on no other.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Hot {
    /// Twice the arrival time, counted from `zero`; and one more while the slot is closed.
    word: AtomicU64,
    /// Whose it is; 0 while it is closed.
    tag: AtomicU64,
    /// When it was opened.
    opened_us: AtomicU64,
    /// The arrival time that nothing being owed would have had then.
    zero: AtomicU64,
    interval: AtomicU64,
    ticks_per_us: AtomicU64,
    capacity: AtomicU64,
    burst: AtomicU32,
}

/// What was owed by a key at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) tag: u64,
    pub(super) debt: u64,
    pub(super) at_us: u64,
}

/// For whom the slot is open, and since when.
#[derive(Debug, Clone, Copy)]
struct Tenure {
    tag: u64,
    opened_us: u64,
    zero: u64,
    pace: Pace,
}

const CLOSED: u64 = 1;

/// Beyond it a slot stays closed, so that no word comes twice: after a hundred years of the usual quotas, or thousands of
/// millions of keys.
const LAST: u64 = 1 << 62;

impl Hot {
    /// Closed.
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(CLOSED),
            tag: AtomicU64::new(0),
            opened_us: AtomicU64::new(0),
            zero: AtomicU64::new(0),
            interval: AtomicU64::new(0),
            ticks_per_us: AtomicU64::new(0),
            capacity: AtomicU64::new(0),
            burst: AtomicU32::new(0),
        }
    }

    /// Whether it may be open for this key, for as little as it costs to see that it is not.
    #[inline]
    pub(super) fn has(&self, tag: u64) -> bool {
        self.tag.load(Ordering::Relaxed) == tag
    }

    /// Decides, and charges the key where it admits. What the shard has to decide has no room here.
    #[inline]
    pub(super) fn decide(&self, request: Request<'_>, now_us: u64) -> Verdict {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let tenure = self.tenure();
            let Some((owed, charge, next)) = tenure.weigh(word, request, now_us) else {
                return Verdict::without_room();
            };
            let is_refused = charge.wait > 0;
            // Where nothing is written, the word alone tells whether all of that was one tenure's.
            let found = if is_refused { self.word.load(Ordering::Acquire) } else { self.swap(word, next) };
            if found == word && is_refused {
                return Verdict::refused(&tenure.pace, owed, charge.wait);
            }
            if found == word {
                return Verdict::admitted(&tenure.pace, charge.debt);
            }
            word = found;
        }
    }

    /// What was there; it was swapped if that is `word`.
    #[inline]
    fn swap(&self, word: u64, next: u64) -> u64 {
        // Released, so that what was read beside the word was read before somebody closes it, and changes that.
        let swapped = self.word.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire);
        swapped.unwrap_or_else(|found| found)
    }

    /// Acquired, so that the word is looked at again after all of it.
    #[inline]
    fn tenure(&self) -> Tenure {
        Tenure {
            tag: self.tag.load(Ordering::Acquire),
            opened_us: self.opened_us.load(Ordering::Acquire),
            zero: self.zero.load(Ordering::Acquire),
            pace: Pace {
                interval: self.interval.load(Ordering::Acquire),
                ticks_per_us: self.ticks_per_us.load(Ordering::Acquire),
                capacity: self.capacity.load(Ordering::Acquire),
                burst: self.burst.load(Ordering::Acquire),
            },
        }
    }

    /// Whether it is open for a key that is back to its full quota. This and all that follows is for whoever holds the shard's lock.
    pub(super) fn owes_nothing(&self, now_us: u64) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & CLOSED == 0 && self.tenure().now(now_us).is_none_or(|now| word >> 1 <= now)
    }

    /// Whether a key that owes so much can have it, once it is closed.
    pub(super) fn has_room(&self, debt: u64) -> bool {
        (self.word.load(Ordering::Relaxed) >> 1) + debt < LAST
    }

    /// For a key that owes so much; the slot must be closed, and have room.
    pub(super) fn open(&self, pace: &Pace, owed: Owed) {
        let zero = (self.word.load(Ordering::Relaxed) >> 1) + 1;
        // Released, so that whoever reads one of them finds that the word is another.
        self.tag.store(owed.tag, Ordering::Release);
        self.opened_us.store(owed.at_us, Ordering::Release);
        self.zero.store(zero, Ordering::Release);
        self.interval.store(pace.interval, Ordering::Release);
        self.ticks_per_us.store(pace.ticks_per_us, Ordering::Release);
        self.capacity.store(pace.capacity, Ordering::Release);
        self.burst.store(pace.burst, Ordering::Release);
        self.word.store((zero + owed.debt) << 1, Ordering::Release);
    }

    /// What its key owes then; `None` where it is closed already.
    pub(super) fn close(&self, now_us: u64) -> Option<Owed> {
        let word = self.word.fetch_or(CLOSED, Ordering::AcqRel);
        if word & CLOSED != 0 {
            return None;
        }
        let tenure = self.tenure();
        // Who has waited for the lock may know an earlier time than that of the opening.
        let at_us = now_us.max(tenure.opened_us);
        self.tag.store(0, Ordering::Release);
        let debt = tenure.now(at_us).map_or(0, |now| (word >> 1).saturating_sub(now));
        Some(Owed { tag: tenure.tag, debt, at_us })
    }
}

impl Tenure {
    /// What is owed, what would be, and the word that tells that; `None` where it is not for the slot to decide.
    #[inline]
    fn weigh(&self, word: u64, request: Request<'_>, now_us: u64) -> Option<(u64, Charge, u64)> {
        if word & CLOSED != 0 || self.tag != request.tag || !request.ask.patience.is_zero() {
            return None;
        }
        let now = self.now(now_us)?;
        let owed = (word >> 1).saturating_sub(now);
        let charge = self.pace.charge_at_once(owed, request.ask.cost)?;
        let arrival = now.wrapping_add(charge.debt);
        (arrival <= LAST).then_some((owed, charge, arrival << 1))
    }

    /// As an arrival time; `None` where it is too far away to be told.
    #[inline]
    fn now(&self, now_us: u64) -> Option<u64> {
        let elapsed = now_us.saturating_sub(self.opened_us).checked_mul(self.pace.ticks_per_us)?;
        (elapsed <= MAX_TICKS).then(|| self.zero.wrapping_add(elapsed))
    }
}
