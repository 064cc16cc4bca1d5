//! The keys of an issuer.

use std::sync::Arc;

use super::algorithm::Algorithm;
use super::header::Header;
use super::jwks::{JwksReader, Loaded};
use super::key::Key;
use super::key_error::JwksError;
use crate::ConfigError;
use crate::auth::Reason;

/// How many keys are tried for a token that does not say which one it is signed with.
const TRIED: usize = 4;
/// How many keys are asked for a header that they remember, before it is read.
const RECALLED: usize = 8;

/// The keys of an issuer; immutable. A clone shares them.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// Sorted by id and algorithm; those without an id come first.
    keys: Arc<[Key]>,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    /// If two keys have the same id and algorithm.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, ConfigError> {
        let set = Self::sorted(keys.into_iter().collect());
        let same =
            set.keys.windows(2).find(|pair| pair[0].id().is_some() && place(&pair[0]) == place(&pair[1]));
        match same {
            Some(pair) => {
                let id = pair[0].id().unwrap_or_default();
                Err(ConfigError::new("keys", format!("two keys have the id {id:?} and the same algorithm")))
            }
            None => Ok(set),
        }
    }

    /// Reads a JWK Set as [`JwksReader`] does by default: one key that cannot be used does not spoil the others.
    ///
    /// # Errors
    /// If the document as a whole is malformed or too large.
    pub fn from_jwks(json: &[u8]) -> Result<Loaded, JwksError> {
        JwksReader::new().read(json)
    }

    pub(super) fn sorted(mut keys: Vec<Key>) -> Self {
        keys.sort_by(|one, other| place(one).cmp(&place(other)));
        Self { keys: keys.into() }
    }

    /// Whether there is a key that a token with this `kid` and `alg` could be signed with.
    #[must_use]
    pub fn has(&self, id: Option<&str>, algorithm: Algorithm) -> bool {
        self.candidates(id).iter().any(|key| key.algorithm() == algorithm)
    }

    /// Checks a signature with the keys that fit: those of this id, or else those without one; if the token names none,
    /// all of its algorithm, of which four at most are tried.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if there is none of this id, and none without one that fits; [`Reason::WrongAlgorithm`] if there is one, but of another
    /// algorithm; [`Reason::WrongSignature`].
    pub fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Reason> {
        self.signer(id, algorithm, message, signature).map(drop)
    }

    /// The key that [`verify`](Self::verify) finds the signature to be of.
    pub(super) fn signer(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&Key, Reason> {
        let candidates = self.candidates(id);
        let mut reason = Reason::WrongAlgorithm;
        for key in candidates.iter().filter(|key| key.algorithm() == algorithm).take(TRIED) {
            if key.is_signature(message, signature) {
                return Ok(key);
            }
            reason = Reason::WrongSignature;
        }
        // Keys without an id may have been another's all along: the one that is named may have yet to come.
        let is_known = candidates.first().is_some_and(|first| id.is_none() || first.id() == id);
        Err(if is_known { reason } else { Reason::UnknownKey })
    }

    /// What the header of this text says, where it is that of a token which one of the keys signed.
    pub(super) fn recall(&self, text: &[u8]) -> Option<&Header<'static>> {
        self.keys.iter().take(RECALLED).find_map(|key| key.recall(text))
    }

    fn candidates(&self, id: Option<&str>) -> &[Key] {
        let Some(id) = id else { return &self.keys };
        let of_this_id = self.range(Some(id));
        if of_this_id.is_empty() { self.range(None) } else { of_this_id }
    }

    fn range(&self, id: Option<&str>) -> &[Key] {
        let start = self.keys.partition_point(|key| key.id() < id);
        let rest = self.keys.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|key| key.id() == id)).unwrap_or_default()
    }

    /// The keys, sorted by id; those without an id come first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

pub(super) fn place(key: &Key) -> (Option<&str>, Algorithm) {
    (key.id(), key.algorithm())
}
