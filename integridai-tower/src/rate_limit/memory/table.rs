//! Keys and their arrival times, in one piece of memory.

/// An open-addressing hash table with linear probing. A key is known by its tag, 64 bits of a keyed hash; its text is not
/// kept. Nothing is removed singly: what is no longer needed is left out when the table is [rebuilt](Self::rebuild).
#[derive(Debug)]
pub(super) struct Table {
    /// Each slot a tag and then its values; a tag of 0 is an empty slot.
    words: Vec<u64>,
    stride: usize,
    slots: usize,
    len: usize,
}

/// Where a tag is, or where it would go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    At(usize),
    Free(usize),
}

const FIRST_SLOTS: usize = 8;

impl Table {
    /// Room for no key; `values` are kept per key.
    pub(super) fn new(values: usize) -> Self {
        Self { words: Vec::new(), stride: values + 1, slots: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a further key would make the probes too long: five of six slots are in use.
    pub(super) fn is_crowded(&self) -> bool {
        (self.len + 1) * 6 > self.slots * 5
    }

    /// `tag` is not 0. A place holds until the table is changed.
    #[inline]
    pub(super) fn find(&self, tag: u64) -> Place {
        if self.slots == 0 {
            return Place::Free(0);
        }
        let mut slot = self.home(tag);
        loop {
            let at = slot * self.stride;
            match self.words[at] {
                found if found == tag => return Place::At(at),
                0 => return Place::Free(at),
                _ => slot = if slot + 1 == self.slots { 0 } else { slot + 1 },
            }
        }
    }

    /// The first one, which each key has.
    #[inline]
    pub(super) fn value_mut(&mut self, at: usize) -> &mut u64 {
        &mut self.words[at + 1]
    }

    pub(super) fn values(&self, at: usize) -> &[u64] {
        &self.words[at + 1..at + self.stride]
    }

    pub(super) fn values_mut(&mut self, at: usize) -> &mut [u64] {
        &mut self.words[at + 1..at + self.stride]
    }

    /// Puts a tag that is not there; the table must not be crowded.
    pub(super) fn insert(&mut self, tag: u64, values: &[u64]) {
        if let Place::Free(at) = self.find(tag) {
            self.words[at] = tag;
            self.words[at + 1..at + self.stride].copy_from_slice(values);
            self.len += 1;
        }
    }

    /// Changes the values of each key.
    pub(super) fn update(&mut self, mut change: impl FnMut(&mut [u64])) {
        for slot in self.words.chunks_exact_mut(self.stride).filter(|slot| slot[0] != 0) {
            change(&mut slot[1..]);
        }
    }

    /// Keeps what `keep` turns into values, in a table that is not crowded by `keys`.
    pub(super) fn rebuild<const N: usize>(
        &mut self,
        values: usize,
        keys: usize,
        mut keep: impl FnMut(&[u64]) -> Option<[u64; N]>,
    ) {
        let former = std::mem::replace(self, Self::new(values));
        self.slots = (keys * 6).div_ceil(5).max(FIRST_SLOTS);
        self.words = vec![0; self.slots * self.stride];
        for slot in former.words.chunks_exact(former.stride).filter(|slot| slot[0] != 0) {
            if let Some(kept) = keep(&slot[1..]) {
                self.insert(slot[0], &kept[..values]);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u64]> {
        self.words.chunks_exact(self.stride).filter(|slot| slot[0] != 0).map(|slot| &slot[1..])
    }

    /// The high bits choose: the low ones have chosen the shard.
    #[inline]
    fn home(&self, tag: u64) -> usize {
        let product = u128::from(tag) * self.slots as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }
}
