//! The quantile of the times of the last minute, say.

use std::time::Duration;

use super::histogram::{BUCKETS, bucket_of, longest_in};

const SLOTS: usize = 8;

type Counts = [u32; BUCKETS];

/// Times by their size, over a window that slides by an eighth of its length. The quantile is always at hand: with each time
/// that comes or goes it moves by the buckets in between. 19 KiB, however many times there are.
#[derive(Debug)]
pub(super) struct Window {
    /// The length of a slot.
    slot: Duration,
    /// In millionths.
    quantile: u64,
    slots: Box<[Counts; SLOTS]>,
    /// The number of the slot that takes times now, counted from the beginning.
    current: u64,
    sum: Box<Counts>,
    total: u64,
    /// The bucket of the quantile, and the number of times in those below.
    at: usize,
    below: u64,
}

impl Window {
    /// The window's `length` is more than zero, the `quantile` in millionths up to a million.
    pub(super) fn new(length: Duration, quantile: u64) -> Self {
        Self {
            slot: length / SLOTS as u32,
            quantile,
            slots: Box::new([[0; BUCKETS]; SLOTS]),
            current: 0,
            sum: Box::new([0; BUCKETS]),
            total: 0,
            at: 0,
            below: 0,
        }
    }

    /// Takes up a time. `now` is counted from any moment, and does not go back.
    pub(super) fn record(&mut self, time: Duration, now: Duration) {
        self.slide(now);
        let bucket = bucket_of(time);
        let slot = &mut self.slots[place(self.current)][bucket];
        if *slot == u32::MAX || self.sum[bucket] == u32::MAX {
            return;
        }
        *slot += 1;
        self.sum[bucket] += 1;
        self.total += 1;
        self.below += u64::from(bucket < self.at);
        self.find();
    }

    /// The quantile, and the number of times that it is of. It is too long by a sixteenth at most.
    pub(super) fn quantile(&mut self, now: Duration) -> (Duration, u64) {
        self.slide(now);
        (longest_in(self.at), self.total)
    }

    /// Forgets what is older than the window.
    fn slide(&mut self, now: Duration) {
        let number = u64::try_from(now.as_nanos() / self.slot.as_nanos().max(1)).unwrap_or(u64::MAX);
        if number <= self.current {
            return;
        }
        let gone = (number - self.current).min(SLOTS as u64);
        for slot in 1..=gone {
            self.forget(place(self.current.wrapping_add(slot)));
        }
        self.current = number;
        self.total = self.sum.iter().map(|count| u64::from(*count)).sum();
        self.below = self.sum[..self.at].iter().map(|count| u64::from(*count)).sum();
        self.find();
    }

    fn forget(&mut self, place: usize) {
        for (sum, count) in self.sum.iter_mut().zip(&mut self.slots[place]) {
            *sum -= std::mem::take(count);
        }
    }

    /// Moves to the bucket that holds the quantile's rank.
    fn find(&mut self) {
        let rank = (self.total * self.quantile).div_ceil(1_000_000).max(1);
        while self.at > 0 && self.below >= rank {
            self.at -= 1;
            self.below -= u64::from(self.sum[self.at]);
        }
        while self.at + 1 < BUCKETS && self.below + u64::from(self.sum[self.at]) < rank {
            self.below += u64::from(self.sum[self.at]);
            self.at += 1;
        }
    }
}

fn place(slot: u64) -> usize {
    usize::try_from(slot % SLOTS as u64).expect("less than the number of slots")
}
