//! By what keys are told apart.

use siphasher::sip::SipHasher13;

use crate::rate_limit::Key;

/// Makes 64 bits of a key, under secrets of this process.
pub(super) struct Tagger {
    hasher: SipHasher13,
    shift: u64,
    /// Odd, so that multiplying loses nothing.
    factors: [u64; 2],
}

impl Tagger {
    pub(super) fn new() -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            shift: rand::random(),
            factors: [rand::random::<u64>() | 1, rand::random::<u64>() | 1],
        }
    }

    /// Not 0, which the table uses for an empty slot.
    #[inline]
    pub(super) fn tag(&self, key: &Key) -> u64 {
        let tag = match key.as_number() {
            Some(number) => self.mix(number),
            None => self.hasher.hash(key.as_bytes()),
        };
        tag.max(1)
    }

    /// One to one, so that no two short keys have one tag, and for a tenth of what a hash costs. Whoever could find out the secrets
    /// by asking would gain no more than addresses that share a shard.
    fn mix(&self, number: u64) -> u64 {
        let [first, second] = self.factors;
        let mixed = (number ^ self.shift).wrapping_mul(first);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(second);
        mixed ^ mixed >> 32
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn addresses_are_spread_over_shards_and_slots() {
        let tagger = Tagger::new();
        let address = |number: u32| Key::from(IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number)));
        let tags: Vec<u64> = (0..65_536).map(|number| tagger.tag(&address(number))).collect();
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
}
