//! One key, of one algorithm.

use std::fmt;
use std::sync::OnceLock;

use super::algorithm::Algorithm;
use super::header::Header;
use super::jwk::Jwk;
use super::key_error::KeyError;
use super::pem;
use super::verifier::Verifier;

/// A key that verifies signatures of exactly one algorithm (RFC 8725 §3.1), parsed once.
#[derive(Clone)]
pub struct Key {
    id: Option<Box<str>>,
    algorithm: Algorithm,
    verifier: Verifier,
    remembered: OnceLock<Remembered>,
}

/// The header of the first token that was found to be signed with a key. An issuer writes the same one each time.
#[derive(Clone)]
struct Remembered {
    text: Box<[u8]>,
    header: Header<'static>,
}

impl Key {
    /// A secret for `HS256`, `HS384` or `HS512`: random bytes, not a password.
    ///
    /// # Errors
    /// [`KeyError::Weak`] if it is shorter than the hash: 32, 48 or 64 bytes (RFC 7518 §3.2).
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Verifier::from_secret(algorithm, secret).map(|verifier| Self::new(algorithm, verifier))
    }

    /// A public key in PEM: `PUBLIC KEY` (RFC 7468 §13), or for RSA also `RSA PUBLIC KEY` (RFC 8017 §A.1.1).
    ///
    /// # Errors
    /// If the text is not one such key, or the key is too weak or not one of the algorithm.
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let der = pem::decode_public(text)?;
        Verifier::from_der(algorithm, &der).map(|verifier| Self::new(algorithm, verifier))
    }

    /// A JSON Web Key (RFC 7517) that names its algorithm, or of a curve that has only one. `kid` becomes the id.
    ///
    /// # Errors
    /// If it is not one, is private, too weak, or not for verification.
    pub fn from_jwk(json: &[u8]) -> Result<Self, KeyError> {
        let jwk = Jwk::read(json).ok_or(KeyError::Malformed)?;
        let algorithm = jwk.algorithm()?.ok_or(KeyError::WrongAlgorithm)?;
        jwk.key(algorithm)
    }

    pub(super) fn new(algorithm: Algorithm, verifier: Verifier) -> Self {
        Self { id: None, algorithm, verifier, remembered: OnceLock::new() }
    }

    /// The `kid` of the tokens that are signed with it. Without one it fits every token of its algorithm.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The `kid` of the tokens that are signed with it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The only algorithm it is used with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is that of `message`; in constant time where the key is secret.
    #[must_use]
    pub fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, signature).is_ok()
    }

    /// What the header of this text says, if it is the one that is remembered.
    pub(super) fn recall(&self, text: &[u8]) -> Option<&Header<'static>> {
        self.remembered.get().filter(|known| *known.text == *text).map(|known| &known.header)
    }

    /// Remembers the header of a token that is signed with this key, unless there is one already.
    pub(super) fn remember(&self, text: &[u8], header: &Header<'_>) {
        self.remembered.get_or_init(|| Remembered { text: text.into(), header: header.clone().into_owned() });
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
