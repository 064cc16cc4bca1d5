//! Whose quota it is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

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
pub struct Key(Parts);

/// The parts, each with its kind and, where that varies, its length: no key's are the beginning of another's up to a zero.
#[derive(Clone)]
enum Parts {
    /// Up to seven bytes, and how many in the last one: all of it is one number.
    Few([u8; 8]),
    /// Eight or more; what is beyond `len` is zero.
    Short {
        bytes: [u8; INLINE],
        len: u8,
    },
    Long(Vec<u8>),
}

/// Room for the usual parts without an allocation.
pub(super) const INLINE: usize = 48;

const TEXT: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 3;
const ABSENT: u8 = 4;
const FIRST: u8 = 5;
const SECOND: u8 = 6;

/// Of a name: its kind and its length.
const PREFIX: usize = 8;

impl Default for Key {
    #[inline]
    fn default() -> Self {
        Self(Parts::Few([0; 8]))
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
        if bytes.len() <= INLINE - PREFIX && matches!(self.0, Parts::Few([.., 0])) {
            return Self::of_name(bytes);
        }
        self.push(&prefix(bytes));
        self.push(bytes);
        self
    }

    /// A key of one name, up to 40 bytes, written word by word as it is read again: a word that was written in two pieces takes
    /// several times as long to read.
    #[inline]
    fn of_name(name: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        let (places, _) = bytes.as_chunks_mut::<8>();
        let (words, rest) = name.as_chunks::<8>();
        let rest = match name.last_chunk::<8>() {
            _ if rest.is_empty() => None,
            Some(last) => Some(u64::from_le_bytes(*last) >> (64 - 8 * rest.len())),
            None => Some(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))),
        };
        let words = [prefix(name)].into_iter().chain(words.iter().copied());
        for (place, word) in places.iter_mut().zip(words.chain(rest.map(u64::to_le_bytes))) {
            *place = word;
        }
        let len = u8::try_from(PREFIX + name.len()).unwrap_or(0);
        Self(Parts::Short { bytes, len })
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
        match &self.0 {
            Parts::Few(bytes) => &bytes[..usize::from(bytes[FEW]).min(FEW)],
            Parts::Short { bytes, len } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Parts::Long(bytes) => bytes,
        }
    }

    /// As it is told apart soonest.
    #[inline]
    pub(super) fn shape(&self) -> Shape<'_> {
        match &self.0 {
            Parts::Few(bytes) => Shape::Number(u64::from_le_bytes(*bytes)),
            Parts::Short { bytes, .. } => Shape::Words(bytes.as_chunks().0),
            Parts::Long(bytes) => Shape::Bytes(bytes),
        }
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

    fn push(&mut self, more: &[u8]) {
        let joined = match &mut self.0 {
            Parts::Short { bytes, len } if usize::from(*len) + more.len() <= INLINE => {
                let begin = usize::from(*len);
                bytes[begin..begin + more.len()].copy_from_slice(more);
                *len += more.len() as u8;
                return;
            }
            Parts::Long(bytes) => return bytes.extend_from_slice(more),
            Parts::Few(_) | Parts::Short { .. } => Parts::joined(self.as_bytes(), more),
        };
        self.0 = joined;
    }
}

/// A key as it is told apart soonest; no two keys have the same.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'a> {
    /// All of a short key, such as an address.
    Number(u64),
    /// All of a longer one, such as a name, filled up with zeros.
    Words(&'a [[u8; 8]]),
    Bytes(&'a [u8]),
}

/// The greatest length of a key that is a number.
const FEW: usize = 7;

impl Parts {
    fn joined(first: &[u8], second: &[u8]) -> Self {
        let len = first.len() + second.len();
        let write = |bytes: &mut [u8]| {
            bytes[..first.len()].copy_from_slice(first);
            bytes[first.len()..len].copy_from_slice(second);
        };
        match u8::try_from(len) {
            Ok(told) if len <= FEW => {
                let mut bytes = [0; 8];
                write(&mut bytes);
                bytes[FEW] = told;
                Self::Few(bytes)
            }
            Ok(told) if len <= INLINE => {
                let mut bytes = [0; INLINE];
                write(&mut bytes);
                Self::Short { bytes, len: told }
            }
            _ => Self::Long([first, second].concat()),
        }
    }
}

/// Names are shorter than 2⁵⁶ bytes.
#[inline]
fn prefix(name: &[u8]) -> [u8; PREFIX] {
    (u64::from(TEXT) | (name.len() as u64) << 8).to_le_bytes()
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

impl From<Ipv4Addr> for Key {
    #[inline]
    fn from(address: Ipv4Addr) -> Self {
        let octets = u64::from(u32::from_le_bytes(address.octets()));
        Self(Parts::Few((u64::from(IPV4) | octets << 8 | 5 << 56).to_le_bytes()))
    }
}

impl From<IpAddr> for Key {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::from(address),
            IpAddr::V6(_) => Self::new().address(address),
        }
    }
}

/// Without the parts, which may be personal or secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("bytes", &self.as_bytes().len()).finish_non_exhaustive()
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

    fn number(key: &Key) -> Option<u64> {
        match key.shape() {
            Shape::Number(number) => Some(number),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn keys_are_equal_where_their_parts_are(
            first in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            second in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        ) {
            prop_assert_eq!(key(&first) == key(&second), first == second);
            prop_assert_eq!(key(&first), key(&[]).join(&key(&first)));
            prop_assert_eq!(number(&key(&first)).is_some(), key(&first).as_bytes().len() < 8);
        }

        #[test]
        fn words_are_those_of_their_keys_alone(
            first in prop::collection::vec(0_u8..2, 0..40),
            second in prop::collection::vec(0_u8..2, 0..40),
        ) {
            let words = |name: &[u8]| match Key::new().bytes(name).shape() {
                Shape::Words(words) => words.concat(),
                shape => panic!("{shape:?}"),
            };
            prop_assert_eq!(words(&first) == words(&second), first == second);
            prop_assert_eq!(&words(&first)[PREFIX..PREFIX + first.len()], &first[..]);
            let pieces = [&prefix(&first)[..], &first].concat();
            let key = Key::new().bytes(&first);
            prop_assert_eq!(key.as_bytes(), &pieces[..]);
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
        let numbers: std::collections::HashSet<_> = keys.iter().map(|key| number(key).unwrap()).collect();
        assert_eq!(numbers.len(), keys.len());
        assert_eq!(number(&address([1, 2, 3, 4])), number(&Key::new().address([1, 2, 3, 4].into())));
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
