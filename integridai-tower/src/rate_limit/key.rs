//! Whose quota it is.

use std::fmt;
use std::net::IpAddr;

/// Whose quota a request is charged to: one or several parts, none of which can be mistaken for another.
///
/// ```
/// use integridai_tower::rate_limit::Key;
///
/// let (first, second) = (Key::new().text("ab").text("c"), Key::new().text("a").text("bc"));
/// assert_ne!(first, second);
/// assert_eq!(Key::from("job"), Key::new().text("job"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Key {
    short: [u8; INLINE],
    /// Of `short`; beyond [`INLINE`], all of it is in `long`.
    len: usize,
    long: Vec<u8>,
}

/// Room for the usual parts without an allocation.
const INLINE: usize = 56;

const TEXT: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 3;
const ABSENT: u8 = 4;
const FIRST: u8 = 5;
const SECOND: u8 = 6;

impl Default for Key {
    #[inline]
    fn default() -> Self {
        Self { short: [0; INLINE], len: 0, long: Vec::new() }
    }
}

impl Key {
    /// A key without parts: that of everybody.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name, such as a subject's.
    #[inline]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a name that need not be text, such as a field's value.
    #[inline]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.push(&[TEXT]);
        self.push(&(bytes.len() as u64).to_le_bytes());
        self.push(bytes);
        self
    }

    /// Adds an address.
    pub fn address(mut self, address: IpAddr) -> Self {
        self.push_address(address);
        self
    }

    /// Adds that a part is not there, which differs from an empty one.
    pub fn absent(mut self) -> Self {
        self.push(&[ABSENT]);
        self
    }

    /// Adds all parts of another.
    pub fn join(mut self, other: &Self) -> Self {
        self.push(other.as_bytes());
        self
    }

    /// A key of the first of two ways, which no key of the second is. Most stay as they are.
    pub(super) fn of_first(self) -> Self {
        match self.as_bytes().first() {
            Some(&(FIRST | SECOND)) => self.behind(FIRST),
            _ => self,
        }
    }

    /// A key of the second of two ways, which no key of the first is.
    pub(super) fn of_second(self) -> Self {
        self.behind(SECOND)
    }

    fn behind(&self, kind: u8) -> Self {
        let mut key = Self::new();
        key.push(&[kind]);
        key.join(self)
    }

    /// The parts, each with its kind and length.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.short.get(..self.len).unwrap_or(&self.long)
    }

    /// All of a short key, such as an address, as a number that no other key has.
    #[inline]
    pub(super) fn as_number(&self) -> Option<u64> {
        let bytes = self.short.first_chunk::<8>().filter(|_| self.len < 8)?;
        Some(u64::from_le_bytes(*bytes) | (self.len as u64) << 56)
    }

    #[inline]
    fn push_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.push(&[IPV4, a, b, c, d]);
            }
            IpAddr::V6(address) => {
                self.push(&[IPV6]);
                self.push(&address.octets());
            }
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.short.get_mut(self.len..end) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.push_long(bytes),
        }
        self.len = end;
    }

    #[cold]
    fn push_long(&mut self, bytes: &[u8]) {
        if self.len <= INLINE {
            self.long.extend_from_slice(&self.short[..self.len]);
        }
        self.long.extend_from_slice(bytes);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl From<&str> for Key {
    #[inline]
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<IpAddr> for Key {
    /// Written in one piece, and where it is wanted: reading a piece that was written in several takes several times as long.
    #[inline]
    fn from(address: IpAddr) -> Self {
        let mut key = Self::default();
        match address {
            IpAddr::V4(address) => {
                let part = u64::from(IPV4) | u64::from(u32::from_le_bytes(address.octets())) << 8;
                key.short[..8].copy_from_slice(&part.to_le_bytes());
                key.len = 5;
            }
            IpAddr::V6(_) => key.push_address(address),
        }
        key
    }
}

/// Without the parts, which may be personal or secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("bytes", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[Option<Vec<u8>>]) -> Key {
        let add = |key: Key, part: &Option<Vec<u8>>| match part {
            Some(bytes) => key.bytes(bytes),
            None => key.absent(),
        };
        parts.iter().fold(Key::new(), add)
    }

    proptest! {
        #[test]
        fn keys_are_equal_where_their_parts_are(
            first in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            second in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        ) {
            prop_assert_eq!(key(&first) == key(&second), first == second);
            prop_assert_eq!(key(&first), key(&[]).join(&key(&first)));
            prop_assert_eq!(key(&first).as_number().is_some(), key(&first).as_bytes().len() < 8);
        }
    }

    #[test]
    fn numbers_are_those_of_their_keys_alone() {
        let address = |octets: [u8; 4]| Key::from(IpAddr::from(octets));
        let keys = [
            Key::new(),
            Key::new().absent(),
            Key::new().absent().absent(),
            address([0, 0, 0, 0]),
            address([1, 0, 0, 0]),
            address([0, 0, 0, 1]),
            address([1, 2, 3, 4]).absent(),
        ];
        let numbers: std::collections::HashSet<_> = keys.iter().map(|key| key.as_number().unwrap()).collect();
        assert_eq!(numbers.len(), keys.len());
        assert_eq!(address([1, 2, 3, 4]).as_number(), Key::new().address([1, 2, 3, 4].into()).as_number());
    }

    #[test]
    fn an_address_differs_from_the_text_of_its_octets() {
        let address: IpAddr = "1.2.3.4".parse().unwrap();
        assert_ne!(Key::from(address), Key::new().bytes(&[1, 2, 3, 4]));
        assert_ne!(Key::from("::ffff:1.2.3.4".parse::<IpAddr>().unwrap()), Key::from(address));
    }

    #[test]
    fn a_debug_print_has_no_part() {
        assert!(!format!("{:?}", Key::from("secret")).contains("secret"));
    }
}
