//! Numbers and texts one after the other.

use bytes::{Buf, Bytes};

/// Numbers take a byte for seven bits, the lowest first; texts follow their length.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number > 127 {
            self.0.push((number & 127) as u8 | 128);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(super) fn option(&mut self, bytes: Option<&[u8]>) {
        self.flag(bytes.is_some());
        bytes.iter().for_each(|bytes| self.bytes(bytes));
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Writer`] wrote; `None` where it cannot be that.
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(text: Bytes) -> Self {
        Self(text)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.0.try_get_u8().ok()?;
            let bits = u64::from(byte & 127);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    /// Of what takes a byte each at least.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.0.try_get_u8().ok()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// A piece of the text, which it keeps.
    pub(super) fn bytes(&mut self) -> Option<Bytes> {
        let length = self.count()?;
        Some(self.0.split_to(length))
    }

    pub(super) fn option(&mut self) -> Option<Option<Bytes>> {
        if self.flag()? { self.bytes().map(Some) } else { Some(None) }
    }

    pub(super) fn string(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.into()).ok()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
