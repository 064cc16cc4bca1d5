//! The text of a key: `label_id_secret`, with a checksum at its end.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;

use crate::ConfigError;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MAX_LABEL_LEN: usize = 16;
const ID_LEN: usize = 12;
/// 43 characters of 62 have 256 bits of entropy.
const SECRET_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;

/// A key as its owner has it. `Debug` prints its public id alone.
///
/// ```
/// use integridai_tower::auth::api_key::ApiKey;
///
/// let key = ApiKey::generate("igd")?;
/// assert!(key.expose().starts_with(key.id()) && key.id().starts_with("igd_"));
/// assert_eq!(key.expose().parse(), Ok(key.clone()));
/// assert!(!format!("{key:?}").contains(key.expose()));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: Box<str>,
    id_len: usize,
}

/// The text is not of the form of an API key, or its checksum is wrong: a typing error, most likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form of an API key")]
#[non_exhaustive]
pub struct InvalidApiKey;

impl ApiKey {
    /// A new key, from the random numbers of the operating system.
    ///
    /// # Errors
    /// Where the label is not 1 to 16 characters a to z and 0 to 9, and where the system has no random numbers.
    pub fn generate(label: &str) -> Result<Self, ConfigError> {
        if !is_label(label) {
            return Err(ConfigError::new("label", "is 1 to 16 characters a to z and 0 to 9"));
        }
        Self::of_id(&format!("{label}_{}", random_text(ID_LEN)?))
    }

    /// A new secret for an id that there is already.
    pub(super) fn of_id(id: &str) -> Result<Self, ConfigError> {
        let mut text = format!("{id}_{}", random_text(SECRET_LEN)?);
        text.extend(checksum(&text).map(char::from));
        Ok(Self { text: text.into(), id_len: id.len() })
    }

    /// Its public name: the label and the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[..self.id_len]
    }

    /// The whole text, secret and all: for its owner, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let id = id_of(text).ok_or(InvalidApiKey)?;
        Ok(Self { text: text.into(), id_len: id.len() })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The public part of a text that has the form of a key.
pub(super) fn id_of(text: &str) -> Option<&str> {
    let (id, secret) = cut(text, SECRET_LEN + CHECKSUM_LEN)?;
    if !is_base62(secret) || !is_id(id) {
        return None;
    }
    let (signed, sum) = text.split_at(text.len() - CHECKSUM_LEN);
    (checksum(signed) == *sum.as_bytes()).then_some(id)
}

pub(super) fn is_id(id: &str) -> bool {
    cut(id, ID_LEN).is_some_and(|(label, id)| is_label(label) && is_base62(id))
}

/// The part before an underscore, and the `len` bytes after it. Where the underscore has to stand is known, so that nothing
/// is searched; that there is no other is left to who looks at the parts.
fn cut(text: &str, len: usize) -> Option<(&str, &str)> {
    let (start, last) = text.split_at_checked(text.len().checked_sub(len)?)?;
    Some((start.strip_suffix('_')?, last))
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_base62(text: &str) -> bool {
    // Without a branch: that is what a processor does many of at a time.
    text.bytes().fold(true, |fits, byte| fits & byte.is_ascii_alphanumeric())
}

fn random_text(len: usize) -> Result<String, ConfigError> {
    let mut text = String::with_capacity(len);
    let mut bytes = [0; 64];
    while text.len() < len {
        rand::fill(&mut bytes).map_err(|_| ConfigError::new("random", "the system has no random numbers"))?;
        // Bytes above the last multiple of 62 would favour the first characters.
        let fair = bytes.iter().filter(|byte| **byte < 248).take(len - text.len());
        text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    Ok(text)
}

/// CRC-32 (ISO 3309) in base62: it tells a typing error from a wrong key without a look-up, and protects nothing.
fn checksum(text: &str) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        // The check value of CRC-32/ISO-HDLC: 0xCBF43926 for "123456789".
        let value = checksum("123456789").into_iter().fold(0_u64, |value, digit| {
            value * 62 + ALPHABET.iter().position(|byte| *byte == digit).unwrap() as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn keys_differ_and_use_the_whole_alphabet() {
        let keys: Vec<ApiKey> = (0..100).map(|_| ApiKey::generate("igd").unwrap()).collect();
        assert_eq!(keys.iter().map(ApiKey::id).collect::<HashSet<_>>().len(), 100);
        let used: HashSet<u8> = keys.iter().flat_map(|key| key.expose()[4..].bytes()).collect();
        assert_eq!(used.len(), 63, "62 and the underscore");
    }

    #[test]
    fn what_is_no_label_is_a_config_error() {
        for label in ["", "IGD", "a_b", "a-b", "12345678901234567", "\u{e9}"] {
            assert_eq!(ApiKey::generate(label).unwrap_err().setting(), "label");
        }
    }

    #[test]
    fn a_key_of_a_wrong_form_is_none() {
        let key = ApiKey::generate("igd").unwrap();
        let text = key.expose();
        let other = |byte: u8| if byte == b'x' { "y" } else { "x" };
        for at in 0..text.len() {
            let mut changed = text.to_owned();
            changed.replace_range(at..=at, other(text.as_bytes()[at]));
            assert_eq!(changed.parse::<ApiKey>(), Err(InvalidApiKey), "{at}");
        }
        for wrong in ["", "igd", "igd_", "__", &text[1..], &text[..text.len() - 1], &format!("{text} ")] {
            assert_eq!(wrong.parse::<ApiKey>(), Err(InvalidApiKey), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC{0,90}", label in "[a-z0-9_]{0,18}", tail in "[A-Za-z0-9_]{40,64}") {
            for text in [text, format!("{label}_{tail}")] {
                if let Ok(key) = text.parse::<ApiKey>() {
                    prop_assert_eq!(key.expose(), text);
                }
            }
        }

        #[test]
        fn a_generated_key_is_read_back(label in "[a-z0-9]{1,16}") {
            let key = ApiKey::generate(&label).unwrap();
            prop_assert_eq!(key.id().split_once('_').unwrap().0, label);
            prop_assert_eq!(key.expose().parse(), Ok(key.clone()));
        }
    }
}
