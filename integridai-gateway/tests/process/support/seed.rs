//! Chance that a failed run can be repeated with.
use std::time::SystemTime;

/// Prints where it started, so that a test that fails by chance says which.
#[derive(Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn of_now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let seed = u64::from(since.subsec_nanos());
        println!("seed {seed}");
        Self::of(seed)
    }

    /// Neighbours begin far from each other (Knuth's multiplier).
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(32))
    }

    /// Any number from `low` to `high`, the latter excluded (xorshift, Marsaglia 2003).
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let mut state = self.0 | 1;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0 = state;
        low + (state >> 11) % (high - low)
    }
}
