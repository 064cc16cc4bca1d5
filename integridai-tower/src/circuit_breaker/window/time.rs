use std::time::Duration;

use super::Counts;
use crate::circuit_breaker::sync::{AtomicU64, Ordering};

/// A ring of buckets, each for a sixteenth of the time.
///
/// Two numbers of a bucket stand in one word together with the stretch of time that they are for, so that a bucket is
/// taken over for a new stretch and counted up in one atomic step, and no record is ever added to the wrong stretch.
#[derive(Debug)]
pub(in crate::circuit_breaker) struct TimeWindow {
    buckets: Box<[Bucket]>,
    width_us: u64,
}

#[derive(Debug)]
struct Bucket {
    /// Calls and failures.
    ended: AtomicU64,
    /// Slow calls; one number is not used.
    slow: AtomicU64,
}

const BUCKETS: u64 = 16;

/// A word: 24 bits of the stretch's number, which come round after months, and two counts of 20 bits.
#[derive(Clone, Copy)]
struct Word {
    stretch: u64,
    first: u64,
    second: u64,
}

const COUNT_BITS: u32 = 20;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;
const STRETCHES: u64 = 1 << 24;

/// A record this many stretches behind its bucket comes from a thread that read the clock and then slept.
const LATE: u64 = 256;

impl TimeWindow {
    pub(super) fn new(time: Duration) -> Self {
        let width_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / BUCKETS;
        let bucket = |_| Bucket { ended: AtomicU64::new(0), slow: AtomicU64::new(0) };
        Self { buckets: (0..BUCKETS).map(bucket).collect(), width_us: width_us.max(1) }
    }

    pub(super) fn record(&self, has_failed: bool, is_slow: bool, now_us: u64) {
        let stretch = self.stretch(now_us);
        let Some(bucket) = self.bucket(stretch) else { return };
        add(&bucket.ended, stretch, 1, u64::from(has_failed));
        if is_slow {
            add(&bucket.slow, stretch, 1, 0);
        }
    }

    pub(super) fn counts(&self, now_us: u64) -> Counts {
        let newest = self.stretch(now_us);
        let mut counts = Counts::default();
        for bucket in &self.buckets {
            let ended = Word::from(bucket.ended.load(Ordering::Relaxed));
            let slow = Word::from(bucket.slow.load(Ordering::Relaxed));
            if ended.is_within(newest) {
                counts.calls += ended.first;
                counts.failures += ended.second;
            }
            if slow.is_within(newest) {
                counts.slow += slow.first;
            }
        }
        counts.slow = counts.slow.min(counts.calls);
        counts
    }

    pub(super) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.ended.store(0, Ordering::Relaxed);
            bucket.slow.store(0, Ordering::Relaxed);
        }
    }

    /// Counted from 1, since 0 is that of a bucket never used.
    fn stretch(&self, now_us: u64) -> u64 {
        now_us / self.width_us + 1
    }

    fn bucket(&self, stretch: u64) -> Option<&Bucket> {
        self.buckets.get(usize::try_from(stretch % BUCKETS).ok()?)
    }
}

fn add(word: &AtomicU64, stretch: u64, first: u64, second: u64) {
    let next = |former: u64| Some(Word::from(former).plus(stretch, first, second).into());
    // The closure always gives a word, so this never fails.
    let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
}

impl Word {
    fn plus(self, stretch: u64, first: u64, second: u64) -> Self {
        let stretch = stretch % STRETCHES;
        match self.stretch.wrapping_sub(stretch) % STRETCHES {
            0 => {}
            1..=LATE if self.stretch != 0 => return self,
            _ => return Self { stretch, first, second },
        }
        // A million calls within one stretch: from then on each stands for two, which leaves the rates as they are.
        let halved = u32::from(self.first == MAX_COUNT);
        Self { stretch, first: (self.first >> halved) + first, second: (self.second >> halved) + second }
    }

    /// Whether it is one of the last stretches.
    fn is_within(self, newest: u64) -> bool {
        let age = (newest % STRETCHES).wrapping_sub(self.stretch) % STRETCHES;
        age < BUCKETS && age < newest
    }
}

impl From<u64> for Word {
    fn from(word: u64) -> Self {
        let count = |shift: u32| word >> shift & MAX_COUNT;
        Self { stretch: word >> (2 * COUNT_BITS), first: count(COUNT_BITS), second: count(0) }
    }
}

impl From<Word> for u64 {
    fn from(word: Word) -> Self {
        word.stretch << (2 * COUNT_BITS) | word.first << COUNT_BITS | word.second
    }
}
