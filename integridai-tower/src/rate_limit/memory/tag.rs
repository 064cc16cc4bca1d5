//! By what keys are told apart.

use std::array;

use siphasher::sip::SipHasher13;

use crate::rate_limit::Key;
use crate::rate_limit::key::{INLINE, Shape};

/// Makes 64 bits of a key, under secrets of this process.
pub(super) struct Tagger {
    hasher: SipHasher13,
    shift: u64,
    /// Odd, so that multiplying loses nothing.
    factors: [u64; 2],
    base: u128,
    weights: [u128; INLINE / 8],
}

impl Tagger {
    pub(super) fn new() -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            shift: rand::random(),
            factors: [rand::random::<u64>() | 1, rand::random::<u64>() | 1],
            base: rand::random(),
            weights: array::from_fn(|_| rand::random()),
        }
    }

    /// Not 0, which the table uses for an empty slot.
    #[inline]
    pub(super) fn tag(&self, key: &Key) -> u64 {
        let tag = match key.shape() {
            Shape::Number(number) => self.mix(number),
            Shape::Words(words) => self.sum(words),
            Shape::Bytes(bytes) => self.hash(bytes),
        };
        tag.max(1)
    }

    /// One to one, so that no two short keys have one tag, and for a tenth of what a hash costs. Whoever could find out the secrets
    /// by asking would gain no more than addresses that share a shard.
    #[inline]
    fn mix(&self, number: u64) -> u64 {
        let [first, second] = self.factors;
        let mixed = (number ^ self.shift).wrapping_mul(first);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(second);
        mixed ^ mixed >> 32
    }

    #[inline(never)]
    fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash(bytes)
    }

    /// Multilinear hashing (Lemire and Kaser, Strongly universal string hashing is fast, 2014), which takes a third of the time
    /// that `SipHash` does: whichever two names somebody chooses who does not know the secrets, for one in 2⁶⁴ of these the two
    /// have one tag. The last step leaves no trace of the sum in where the keys stand.
    #[inline(never)]
    fn sum(&self, words: &[[u8; 8]]) -> u64 {
        let terms = words.iter().zip(&self.weights);
        let terms = terms.map(|(word, weight)| weight.wrapping_mul(u64::from_le_bytes(*word).into()));
        self.mix(high_half(terms.fold(self.base, u128::wrapping_add)))
    }
}

#[inline]
pub(super) fn high_half(number: u128) -> u64 {
    u64::try_from(number >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn assert_spread(key: impl Fn(u32) -> Key) {
        let tagger = Tagger::new();
        let tags: Vec<u64> = (0..65_536).map(|number| tagger.tag(&key(number))).collect();
        for piece in [0, 28, 56] {
            let mut counts = [0_u32; 256];
            for tag in &tags {
                counts[usize::try_from(tag >> piece & 255).unwrap()] += 1;
            }
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(*least > 100 && *most < 500, "{least} to {most} of 256 at bit {piece}");
        }
        let distinct: std::collections::HashSet<_> = tags.into_iter().collect();
        assert_eq!(distinct.len(), 65_536);
    }

    #[test]
    fn addresses_are_spread_over_shards_and_slots() {
        assert_spread(|number| Key::from(IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number))));
    }

    #[test]
    fn names_of_any_length_are_spread_over_shards_and_slots() {
        assert_spread(|number| Key::from(format!("{number}").as_str()));
        assert_spread(|number| Key::from(format!("5be86359-073c-434b-ad2d-{number:012x}").as_str()));
        assert_spread(|number| Key::from("https://issuer.example").text(&format!("{number:050}")));
    }

    #[test]
    fn other_secrets_make_other_tags() {
        let names = [Key::from("a"), Key::from(IpAddr::from([10, 0, 0, 1])), Key::from(&*"a".repeat(99))];
        for name in names {
            assert_ne!(Tagger::new().tag(&name), Tagger::new().tag(&name));
        }
    }
}
