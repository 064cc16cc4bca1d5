//! The better of two taken at random.

use std::sync::atomic::{AtomicU64, Ordering};

/// The one of `count` that costs less of two taken at random (Mitzenmacher, *The Power of Two Choices in Randomized Load
/// Balancing*); `None` where there is none. Of two that cost the same, the first that was taken.
pub(super) fn choose(count: usize, random: u64, cost: impl Fn(usize) -> f64) -> Option<usize> {
    if count < 2 {
        return (count == 1).then_some(0);
    }
    let (first, second) = two_of(count, random);
    Some(if cost(second) < cost(first) { second } else { first })
}

/// Two different ones, each pair as likely as any other.
fn two_of(count: usize, random: u64) -> (usize, usize) {
    let first = scale(random >> 32, count);
    let second = scale(random & 0xffff_ffff, count - 1);
    (first, if second < first { second } else { second + 1 })
}

/// From 32 bits to a number below `count` (Lemire's multiplication); the bias is below `count` / 2^32.
#[allow(clippy::cast_possible_truncation, reason = "below `count`, which is a usize")]
fn scale(bits: u64, count: usize) -> usize {
    ((u128::from(bits) * count as u128) >> 32) as usize
}

/// Random numbers for many threads without a lock (splitmix64), the same ones for the same seed.
#[derive(Debug)]
pub(super) struct Random(AtomicU64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(super) fn next(&self) -> u64 {
        let mut word = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
