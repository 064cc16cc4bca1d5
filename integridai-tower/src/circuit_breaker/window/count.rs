use super::Counts;
use crate::circuit_breaker::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// The last calls, one byte each, in a ring.
///
/// A call takes the oldest one's place and the difference goes into the totals, so that they are those of the ring however
/// many threads record at once.
#[derive(Debug)]
pub(in crate::circuit_breaker) struct CountWindow {
    ring: Box<[AtomicU8]>,
    recorded: AtomicU64,
    failures: AtomicU32,
    slow: AtomicU32,
}

const FAILED: u8 = 1;
const SLOW: u8 = 2;

impl CountWindow {
    pub(super) fn new(calls: u32) -> Self {
        let ring = (0..calls.max(1)).map(|_| AtomicU8::new(0)).collect();
        Self { ring, recorded: AtomicU64::new(0), failures: AtomicU32::new(0), slow: AtomicU32::new(0) }
    }

    pub(super) fn record(&self, has_failed: bool, is_slow: bool) {
        let next = if has_failed { FAILED } else { 0 } | if is_slow { SLOW } else { 0 };
        let place = self.recorded.fetch_add(1, Ordering::Relaxed) % self.ring.len() as u64;
        let Some(place) = usize::try_from(place).ok().and_then(|place| self.ring.get(place)) else { return };
        let former = place.swap(next, Ordering::Relaxed);
        change(&self.failures, former & FAILED != 0, has_failed);
        change(&self.slow, former & SLOW != 0, is_slow);
    }

    pub(super) fn counts(&self) -> Counts {
        let calls = self.recorded.load(Ordering::Relaxed).min(self.ring.len() as u64);
        Counts { calls, failures: counted(&self.failures, calls), slow: counted(&self.slow, calls) }
    }

    pub(super) fn clear(&self) {
        for place in &self.ring {
            let former = place.swap(0, Ordering::Relaxed);
            change(&self.failures, former & FAILED != 0, false);
            change(&self.slow, former & SLOW != 0, false);
        }
        self.recorded.store(0, Ordering::Relaxed);
    }
}

/// Between two steps of other threads a total may be ahead of the calls, or below zero: what is pushed out of the ring may be
/// taken from the total before it was added.
fn counted(total: &AtomicU32, calls: u64) -> u64 {
    match total.load(Ordering::Relaxed) {
        below_zero if below_zero > u32::MAX / 2 => 0,
        total => u64::from(total).min(calls),
    }
}

fn change(total: &AtomicU32, was: bool, is: bool) {
    match (was, is) {
        (false, true) => {
            total.fetch_add(1, Ordering::Relaxed);
        }
        (true, false) => {
            total.fetch_sub(1, Ordering::Relaxed);
        }
        _ => {}
    }
}
