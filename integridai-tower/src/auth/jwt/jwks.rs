//! JWK Sets (RFC 7517 §5).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::algorithm::Algorithm;
use super::jwk::{Jwk, is_object};
use super::key::Key;
use super::key_error::{JwksError, KeyError};
use super::key_set::KeySet;

/// Reads JWK Sets. What is fetched is not trusted: its size is bounded, and secrets do not belong there.
#[derive(Debug, Clone)]
#[must_use]
pub struct JwksReader {
    max_bytes: usize,
    max_keys: usize,
    is_symmetric_allowed: bool,
    unmarked_rsa: Vec<Algorithm>,
}

/// What came of a JWK Set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The keys that can be used; maybe none.
    pub keys: KeySet,
    /// Those that cannot. Not a fault by itself: keys for encryption, or of newer kinds, are often there too.
    pub skipped: Vec<Skipped>,
}

/// A key that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if that could be read.
    pub id: Option<String>,
    /// Why it is not used.
    pub error: KeyError,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl JwksReader {
    /// Documents of up to 256 KiB with up to 100 keys, none of them secret; RSA keys without `alg` are for `RS256`.
    pub fn new() -> Self {
        Self {
            max_bytes: 256 << 10,
            max_keys: 100,
            is_symmetric_allowed: false,
            unmarked_rsa: vec![Algorithm::Rs256],
        }
    }

    /// The greatest length of a document, in bytes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The greatest number of keys in a document, used or not.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Lets secrets (`oct`) in: for a document that nobody else can read.
    pub fn allow_symmetric(mut self) -> Self {
        self.is_symmetric_allowed = true;
        self
    }

    /// What RSA keys that do not name their algorithm are used with; `RS256` unless set. Others than those of RSA have
    /// no effect.
    pub fn unmarked_rsa(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.unmarked_rsa = algorithms.into_iter().collect();
        self
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is malformed as a whole, or larger than is accepted. A key that cannot be used is in
    /// [`skipped`](Loaded::skipped).
    pub fn read(&self, json: &[u8]) -> Result<Loaded, JwksError> {
        if json.len() > self.max_bytes {
            return Err(JwksError::TooLarge { limit: self.max_bytes });
        }
        if !is_object(json) {
            return Err(JwksError::Malformed);
        }
        let document: Document<'_> = serde_json::from_slice(json).map_err(|_| JwksError::Malformed)?;
        if document.keys.len() > self.max_keys {
            return Err(JwksError::TooManyKeys { limit: self.max_keys });
        }
        let mut reading = Reading::default();
        for (index, raw) in document.keys.iter().enumerate() {
            reading.add(index, self.keys_of(raw));
        }
        Ok(Loaded { keys: KeySet::sorted(reading.keys), skipped: reading.skipped })
    }

    fn keys_of(&self, raw: &RawValue) -> Result<Vec<Key>, (Option<String>, KeyError)> {
        let jwk = Jwk::read(raw.get().as_bytes()).ok_or_else(|| (kid_of(raw), KeyError::Malformed))?;
        self.keys_of_jwk(&jwk).map_err(|error| (jwk.kid, error))
    }

    fn keys_of_jwk(&self, jwk: &Jwk) -> Result<Vec<Key>, KeyError> {
        if jwk.is_symmetric() && !self.is_symmetric_allowed {
            return Err(KeyError::Symmetric);
        }
        match jwk.algorithm()? {
            Some(algorithm) => Ok(vec![jwk.key(algorithm)?]),
            None => self.unmarked_rsa.iter().map(|algorithm| jwk.key(*algorithm)).collect(),
        }
    }
}

impl Default for JwksReader {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Default)]
struct Reading {
    keys: Vec<Key>,
    places: BTreeSet<(String, Algorithm)>,
    skipped: Vec<Skipped>,
}

impl Reading {
    fn add(&mut self, index: usize, read: Result<Vec<Key>, (Option<String>, KeyError)>) {
        match read {
            Ok(keys) => keys.into_iter().for_each(|key| self.add_key(index, key)),
            Err((id, error)) => self.skipped.push(Skipped { index, id, error }),
        }
    }

    /// The first of two keys with one id wins: which of them signed could not be told from the token.
    fn add_key(&mut self, index: usize, key: Key) {
        let is_new = key.id().is_none_or(|id| self.places.insert((id.to_owned(), key.algorithm())));
        if is_new {
            self.keys.push(key);
        } else {
            let id = key.id().map(ToOwned::to_owned);
            self.skipped.push(Skipped { index, id, error: KeyError::Duplicate });
        }
    }
}

/// The id of a key of which nothing else could be read, for the report.
fn kid_of(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        kid: String,
    }
    serde_json::from_str::<Named>(raw.get()).ok().map(|named| named.kid)
}
