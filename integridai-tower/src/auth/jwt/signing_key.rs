//! Private keys.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use serde_json::{Value, json};

use super::algorithm::{Algorithm, Family};
use super::base64url::encode;
use super::key::Key;
use super::key_error::KeyError;
use super::verifier::{Verifier, secret_key};

pub(super) enum SigningKey {
    Secret(Arc<hmac::Key>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub(super) fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        secret_key(algorithm, secret).map(Self::Secret)
    }

    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let generated = match algorithm.family() {
            Family::Secret => return Err(KeyError::WrongAlgorithm),
            Family::Rsa => {
                RsaKeyPair::generate(KeySize::Rsa2048).map(|pair| Self::Rsa(pair, rsa_encoding(algorithm)))
            }
            Family::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            Family::P256 | Family::P384 | Family::P521 => {
                EcdsaKeyPair::generate(ecdsa_algorithm(algorithm)).map(Self::Ec)
            }
        };
        generated.map_err(|_| KeyError::NotGenerated)
    }

    /// A `PrivateKeyInfo` (RFC 5208 §5).
    pub(super) fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let read = match algorithm.family() {
            Family::Secret => return Err(KeyError::WrongAlgorithm),
            Family::Rsa => RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(pair, rsa_encoding(algorithm))),
            Family::Ed25519 => Ed25519KeyPair::from_pkcs8(der).map(Self::Ed25519),
            Family::P256 | Family::P384 | Family::P521 => {
                EcdsaKeyPair::from_pkcs8(ecdsa_algorithm(algorithm), der).map(Self::Ec)
            }
        };
        read.map_err(|_| KeyError::Malformed)
    }

    /// A `PrivateKeyInfo`; a secret has none.
    pub(super) fn private_der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Secret(_) => None,
            Self::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                Some(der.as_ref().to_vec())
            }
            Self::Ec(pair) => Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec()),
        }
    }

    /// A `SubjectPublicKeyInfo` (RFC 5280 §4.1); a secret has none.
    pub(super) fn public_der(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Secret(_) => return None,
            Self::Rsa(pair, _) => pair.public_key().as_der(),
            Self::Ec(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        }
        .ok()?;
        Some(der.as_ref().to_vec())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }

    pub(super) fn verifying(&self, algorithm: Algorithm) -> Result<Key, KeyError> {
        let verifier = match self {
            Self::Secret(key) => Ok(Verifier::Secret(Arc::clone(key))),
            Self::Rsa(pair, _) => Verifier::from_der(algorithm, pair.public_key().as_ref()),
            Self::Ec(pair) => Verifier::from_point(algorithm, pair.public_key().as_ref()),
            Self::Ed25519(pair) => Verifier::from_point(algorithm, pair.public_key().as_ref()),
        };
        verifier.map(|verifier| Key::new(algorithm, verifier))
    }

    /// The members of the public key that RFC 7638 §3.2 and RFC 8037 §2 require, and no others. A secret has none.
    pub(super) fn public_members(&self, algorithm: Algorithm) -> Option<Value> {
        match self {
            Self::Secret(_) => None,
            Self::Rsa(pair, _) => {
                let (n, e) = components(pair.public_key().as_ref())?;
                Some(json!({ "e": encode(e), "kty": "RSA", "n": encode(n) }))
            }
            Self::Ec(pair) => {
                let (x, y) = coordinates(pair.public_key().as_ref())?;
                Some(json!({ "crv": curve(algorithm), "kty": "EC", "x": encode(x), "y": encode(y) }))
            }
            Self::Ed25519(pair) => {
                Some(json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(pair.public_key()) }))
            }
        }
    }
}

/// The thumbprint of a key with these members (RFC 7638): the names have to be sorted, which the caller's are.
pub(super) fn thumbprint(public_members: &Value) -> String {
    encode(digest::digest(&digest::SHA256, public_members.to_string().as_bytes()))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1), without leading zeros.
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const INTEGER: u8 = 2;
    const SEQUENCE: u8 = 0x30;
    let (both, _) = der_value(SEQUENCE, der)?;
    let (n, rest) = der_value(INTEGER, both)?;
    let (e, _) = der_value(INTEGER, rest)?;
    Some((n.strip_prefix(&[0]).unwrap_or(n), e.strip_prefix(&[0]).unwrap_or(e)))
}

/// The value of the first element, which has this tag, and what comes after it (X.690 §8.1).
fn der_value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [length, rest @ ..] = der.strip_prefix(&[tag])? else { return None };
    match *length {
        0..=0x7f => rest.split_at_checked(usize::from(*length)),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            rest.split_at_checked(usize::from(*length))
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        }
        _ => None,
    }
}

fn coordinates(point: &[u8]) -> Option<(&[u8], &[u8])> {
    let both = point.strip_prefix(&[4])?;
    both.split_at_checked(both.len() / 2)
}

fn curve(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es384 => "P-384",
        Algorithm::Es512 => "P-521",
        _ => "P-256",
    }
}

fn ecdsa_algorithm(algorithm: Algorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}
