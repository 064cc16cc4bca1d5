//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::algorithm::{Algorithm, Family};
use super::base64url;
use super::key::Key;
use super::key_error::KeyError;
use super::verifier::Verifier;

/// The members that are read. Certificates (`x5c`, `x5u`) are not among them.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    pub(super) kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<String>,
    d: Option<IgnoredAny>,
}

impl Jwk {
    /// Not from an array, which serde would take for the members in their order.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        if is_object(json) { serde_json::from_slice(json).ok() } else { None }
    }

    /// The algorithm that it names, or the only one of its curve; `None` for RSA without `alg`.
    pub(super) fn algorithm(&self) -> Result<Option<Algorithm>, KeyError> {
        let named = match &self.alg {
            Some(name) => Some(Algorithm::from_name(name).ok_or(KeyError::WrongAlgorithm)?),
            None => None,
        };
        let family = self.family(named)?;
        match named {
            Some(algorithm) if algorithm.family() == family => Ok(named),
            Some(_) => Err(KeyError::WrongAlgorithm),
            None if family == Family::Rsa => Ok(None),
            None => Ok(only_one_of(family)),
        }
    }

    fn family(&self, named: Option<Algorithm>) -> Result<Family, KeyError> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Ok(Family::Rsa),
            ("EC", Some("P-256")) => Ok(Family::P256),
            ("EC", Some("P-384")) => Ok(Family::P384),
            ("EC", Some("P-521")) => Ok(Family::P521),
            ("OKP", Some("Ed25519")) => Ok(Family::Ed25519),
            ("oct", _) if named.is_some() => Ok(Family::Secret),
            ("oct", _) => Err(KeyError::WrongAlgorithm),
            _ => Err(KeyError::Unsupported),
        }
    }

    pub(super) fn is_symmetric(&self) -> bool {
        self.kty == "oct"
    }

    /// The key, for this algorithm.
    pub(super) fn key(&self, algorithm: Algorithm) -> Result<Key, KeyError> {
        self.check_purpose()?;
        if self.d.is_some() {
            return Err(KeyError::Private);
        }
        let verifier = match algorithm.family() {
            Family::Secret => Verifier::from_secret(algorithm, &member(self.k.as_ref())?),
            Family::Rsa => {
                Verifier::from_components(algorithm, &member(self.n.as_ref())?, &member(self.e.as_ref())?)
            }
            Family::Ed25519 => Verifier::from_point(algorithm, &member(self.x.as_ref())?),
            Family::P256 | Family::P384 | Family::P521 => Verifier::from_point(algorithm, &self.point()?),
        }?;
        let key = Key::new(algorithm, verifier);
        Ok(match &self.kid {
            Some(id) => key.with_id(id.as_str()),
            None => key,
        })
    }

    fn check_purpose(&self) -> Result<(), KeyError> {
        let is_for_signatures = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies =
            self.key_ops.as_ref().is_none_or(|all| all.iter().any(|operation| operation == "verify"));
        if is_for_signatures && verifies { Ok(()) } else { Err(KeyError::NotForVerification) }
    }

    /// Uncompressed, as SEC 1 §2.3.3 has it. Both coordinates have the curve's full length (RFC 7518 §6.2.1.2).
    fn point(&self) -> Result<Vec<u8>, KeyError> {
        let (x, y) = (member(self.x.as_ref())?, member(self.y.as_ref())?);
        if x.len() != y.len() {
            return Err(KeyError::Malformed);
        }
        Ok([&[4][..], &x, &y].concat())
    }
}

/// Whether it is an object, if it is JSON.
pub(super) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

fn only_one_of(family: Family) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.family() == family)
}

fn member(value: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let text = value.ok_or(KeyError::Malformed)?;
    base64url::decode(text.as_bytes()).map_err(|_| KeyError::Malformed)
}
