//! base64url without padding, as JOSE uses it (RFC 7515 §2).

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine, decoded_len_estimate};

/// Padding, line breaks, other alphabets, or bits behind the last byte: there is one text for each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotBase64Url;

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Decodes into `buffer`, and gives the part of it that was filled.
pub(super) fn decode_into<'a>(text: &[u8], buffer: &'a mut [u8]) -> Result<&'a [u8], NotBase64Url> {
    let length = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| NotBase64Url)?;
    buffer.get(..length).ok_or(NotBase64Url)
}

/// How large a buffer `decode_into` needs at most.
pub(super) fn decoded_length(text: &[u8]) -> usize {
    decoded_len_estimate(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_text_for_each_value() {
        assert_eq!(decode(b"AP8").as_deref(), Ok(&[0, 255][..]));
        for text in ["AP9", "AP8=", "AP8 ", "AP8\n", "A", "AP/8", "AP+8", "A.P8", "\u{e9}"] {
            assert_eq!(decode(text.as_bytes()), Err(NotBase64Url), "{text:?}");
        }
    }
}
