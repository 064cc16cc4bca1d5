//! What is kept of a secret.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use serde::{Deserialize, Serialize};

use crate::ConfigError;

const LEN: usize = digest::SHA256_OUTPUT_LEN;

/// Makes the digest of a key: HMAC-SHA-256 (RFC 2104) under a pepper, or SHA-256. A clone has the same pepper.
#[derive(Clone)]
pub struct ApiKeyHasher {
    pepper: Option<hmac::Key>,
}

/// The digest of a key, which is not the key, and yet is not printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct SecretDigest {
    algorithm: Algorithm,
    bytes: [u8; LEN],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    HmacSha256,
    Sha256,
}

impl ApiKeyHasher {
    /// Without a pepper: whoever can write to the store can make keys; to read from it is still of no use.
    #[must_use]
    pub fn plain() -> Self {
        Self { pepper: None }
    }

    /// With a pepper of 32 bytes at least that is kept apart from the store. Keys that were issued under another
    /// pepper, or without one, are wrong under this one.
    ///
    /// # Errors
    /// Where the pepper is shorter.
    pub fn peppered(pepper: &[u8]) -> Result<Self, ConfigError> {
        if pepper.len() < LEN {
            return Err(ConfigError::new("pepper", "has 32 bytes at least"));
        }
        Ok(Self { pepper: Some(hmac::Key::new(hmac::HMAC_SHA256, pepper)) })
    }

    pub(super) fn digest(&self, key: &str) -> SecretDigest {
        let (algorithm, made) = match &self.pepper {
            Some(pepper) => (Algorithm::HmacSha256, bytes_of(hmac::sign(pepper, key.as_bytes()).as_ref())),
            None => (Algorithm::Sha256, bytes_of(digest::digest(&digest::SHA256, key.as_bytes()).as_ref())),
        };
        SecretDigest { algorithm, bytes: made }
    }
}

impl fmt::Debug for ApiKeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyHasher").field("peppered", &self.pepper.is_some()).finish()
    }
}

impl SecretDigest {
    /// Stands in where there is no secret to compare with; no key has it, but for one in 2^256.
    pub(super) const NONE: Self = Self { algorithm: Algorithm::Sha256, bytes: [0; LEN] };

    /// In a time that does not depend on where they differ.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let same_bytes = constant_time::verify_slices_are_equal(&self.bytes, &other.bytes).is_ok();
        same_bytes & (self.algorithm == other.algorithm)
    }
}

impl From<SecretDigest> for String {
    fn from(digest: SecretDigest) -> Self {
        let hex: Self = digest.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}{hex}", digest.algorithm.prefix())
    }
}

impl TryFrom<String> for SecretDigest {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        let parsed = [Algorithm::HmacSha256, Algorithm::Sha256].into_iter().find_map(|algorithm| {
            let bytes = parse_hex(text.strip_prefix(algorithm.prefix())?)?;
            Some(Self { algorithm, bytes })
        });
        parsed
            .ok_or_else(|| ConfigError::new("digest", "is hmac-sha256: or sha256: and 64 hexadecimal digits"))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

impl Algorithm {
    fn prefix(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256:",
            Self::Sha256 => "sha256:",
        }
    }
}

fn bytes_of(digest: &[u8]) -> [u8; LEN] {
    digest.try_into().expect("SHA-256 has 32 bytes")
}

fn parse_hex(text: &str) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN];
    let digits = text.as_bytes();
    if digits.len() != 2 * LEN {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.4 has a key of 20 bytes; this is §4.7 with one of 131.
    #[test]
    fn the_digest_is_hmac_sha_256_as_in_rfc_4231() {
        let hasher = ApiKeyHasher::peppered(&[0xaa; 131]).unwrap();
        let digest = hasher.digest("Test Using Larger Than Block-Size Key - Hash Key First");
        let expected = "hmac-sha256:60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(String::from(digest), expected);
    }

    #[test]
    fn without_a_pepper_it_is_sha_256() {
        let digest = ApiKeyHasher::plain().digest("abc");
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(String::from(digest.clone()), expected);
        assert!(SecretDigest::try_from(expected.to_owned()).unwrap().equals(&digest));
        assert!(!digest.equals(&SecretDigest::NONE));
    }

    #[test]
    fn the_same_bytes_of_another_algorithm_are_another_digest() {
        let digest = ApiKeyHasher::plain().digest("abc");
        let other = String::from(digest.clone()).replace("sha256:", "hmac-sha256:");
        assert!(!SecretDigest::try_from(other).unwrap().equals(&digest));
    }

    #[test]
    fn a_weak_pepper_and_a_malformed_digest_are_config_errors() {
        assert_eq!(ApiKeyHasher::peppered(&[0; 31]).unwrap_err().setting(), "pepper");
        for text in ["", "sha256:", "md5:00", &format!("sha256:{}", "0g".repeat(32)), &"00".repeat(32)] {
            assert!(SecretDigest::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_is_printed_of_pepper_or_digest() {
        let hasher = ApiKeyHasher::peppered(&[0x5a; 32]).unwrap();
        assert_eq!(format!("{hasher:?}"), "ApiKeyHasher { peppered: true }");
        assert_eq!(format!("{:?}", hasher.digest("x")), "SecretDigest");
    }
}
