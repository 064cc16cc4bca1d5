//! Repeatable chance: one seed gives one run, and one text always gives the same number.
use std::sync::atomic::{AtomicU64, Ordering};

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A sequence of numbers that is the same for the same seed; shared without a lock.
#[derive(Debug)]
pub(super) struct Chance {
    state: AtomicU64,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(scramble(seed)) }
    }

    pub(super) fn bits(&self) -> u64 {
        scramble(self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed))
    }

    pub(super) fn fraction(&self) -> f64 {
        fraction(self.bits())
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): every input bit reaches every output bit.
pub(super) fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(GOLDEN_GAMMA);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// FNV-1a, because the standard library's hasher may change between releases and the scores must not.
pub(super) fn digest(parts: &[&str]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for part in parts {
        // 0xFF never occurs in UTF-8, so ("ab", "c") and ("a", "bc") differ.
        for byte in part.bytes().chain([0xFF]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    scramble(hash)
}

/// Maps the upper 53 bits to `0.0 <= x < 1.0`, evenly.
pub(super) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Keeps `decimals` digits after the point, as the services do in their figures.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::{Chance, digest};

    #[test]
    fn the_same_seed_gives_the_same_sequence_and_another_seed_another_one() {
        let sequence = |seed| {
            let chance = Chance::new(seed);
            [chance.bits(), chance.bits(), chance.bits()]
        };
        assert_eq!(sequence(7), sequence(7));
        assert_ne!(sequence(7), sequence(8));
    }

    #[test]
    fn a_digest_depends_on_where_one_part_ends() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
    }
}
