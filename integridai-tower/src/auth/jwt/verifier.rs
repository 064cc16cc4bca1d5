//! Keys in the form that the cryptography works with, made once and checked for strength.

use std::ops::RangeInclusive;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{error, hmac};

use super::algorithm::{Algorithm, Family};
use super::key_error::KeyError;

/// RFC 7518 §3.3 asks for 2048 bits at least; above 8192, one signature costs more than an attacker should spend of us.
const RSA_BITS: RangeInclusive<u32> = 2048..=8192;
/// The longest signature that there is, in bytes: of RSA with 8192 bits.
pub(super) const MAX_SIGNATURE: usize = 1024;
/// The `SubjectPublicKeyInfo` of RFC 8410 §4, up to the 32 bytes of the key.
const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[derive(Clone)]
pub(super) enum Verifier {
    Secret(Arc<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Verifier {
    pub(super) fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        secret_key(algorithm, secret).map(Self::Secret)
    }

    /// A `SubjectPublicKeyInfo` (RFC 5280 §4.1), or for RSA also an `RSAPublicKey` (RFC 8017 §A.1.1).
    pub(super) fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        match algorithm.family() {
            Family::Secret => Err(KeyError::WrongAlgorithm),
            Family::Rsa => Self::from_rsa_der(algorithm, der),
            Family::P256 | Family::P384 | Family::P521 => Self::parse(algorithm, der),
            Family::Ed25519 => {
                let point = der.strip_prefix(&ED25519_INFO).ok_or(KeyError::Malformed)?;
                Self::from_point(algorithm, point)
            }
        }
    }

    /// Modulus and exponent, big-endian and without leading zeros (RFC 7518 §6.3.1).
    pub(super) fn from_components(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        // The way over DER is the one on which the components are checked.
        let der: PublicKeyX509Der<'_> =
            RsaPublicKeyComponents { n, e }.as_der().map_err(|_| KeyError::Malformed)?;
        Self::from_rsa_der(algorithm, der.as_ref())
    }

    /// An uncompressed point of the algorithm's curve (SEC 1 §2.3.3), or the 32 bytes of an Ed25519 key (RFC 8032 §5.1.5).
    pub(super) fn from_point(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let length = match algorithm.family() {
            Family::P256 => 65,
            Family::P384 => 97,
            Family::P521 => 133,
            Family::Ed25519 => 32,
            Family::Secret | Family::Rsa => return Err(KeyError::WrongAlgorithm),
        };
        if point.len() != length {
            return Err(KeyError::Malformed);
        }
        if algorithm == Algorithm::EdDsa && is_of_small_order(point) {
            return Err(KeyError::Weak);
        }
        Self::parse(algorithm, point)
    }

    fn from_rsa_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let key = PublicKey::from_der(der).map_err(|_| KeyError::Malformed)?;
        let bits = RsaParameters::public_modulus_len(key.as_ref()).map_err(|_| KeyError::Malformed)?;
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::Weak);
        }
        Self::parse(algorithm, key.as_ref())
    }

    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let algorithm = public_algorithm(algorithm).ok_or(KeyError::WrongAlgorithm)?;
        ParsedPublicKey::new(algorithm, bytes).map(Self::Public).map_err(|_| KeyError::Malformed)
    }

    /// Whether the signature is this key's: of ECDSA only the two numbers side by side (RFC 7518 §3.4), each in its range.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), error::Unspecified> {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature),
            Self::Public(key) => key.verify_sig(message, signature),
        }
    }
}

/// A secret as long as the hash at least (RFC 7518 §3.2).
pub(super) fn secret_key(algorithm: Algorithm, secret: &[u8]) -> Result<Arc<hmac::Key>, KeyError> {
    let algorithm = hmac_algorithm(algorithm).ok_or(KeyError::WrongAlgorithm)?;
    // A public key taken for a secret is the classic confusion: its text is known to everybody.
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(KeyError::PublicText);
    }
    if secret.len() < algorithm.tag_len() {
        return Err(KeyError::Weak);
    }
    Ok(Arc::new(hmac::Key::new(algorithm, secret)))
}

fn hmac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn public_algorithm(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
    })
}

/// Points of order 1, 2, 4 and 8, without the sign of x; the last two are other spellings of the first two.
/// Under such a key, one signature fits many messages.
const SMALL_ORDER: [[u8; 32]; 7] = [
    lowest_byte(0),
    lowest_byte(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];

const fn lowest_byte(byte: u8) -> [u8; 32] {
    let mut point = [0; 32];
    point[0] = byte;
    point
}

const fn near_prime(byte: u8) -> [u8; 32] {
    let mut point = [0xff; 32];
    point[0] = byte;
    point[31] = 0x7f;
    point
}

fn is_of_small_order(point: &[u8]) -> bool {
    SMALL_ORDER.iter().any(|small| {
        let [start @ .., last] = small;
        point.split_last().is_some_and(|(sign_and_last, rest)| rest == start && sign_and_last & 0x7f == *last)
    })
}
