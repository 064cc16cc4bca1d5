//! API keys in the fields of a request.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, request};

use super::digest::ApiKeyHasher;
use super::key::id_of;
use super::record::verify;
use super::ring::FindApiKey;
use crate::auth::{Attempt, Authenticate, Decision, Reason, Scheme};
use crate::{Clock, Principal};

/// Reads an API key from `X-API-Key: <key>` or `Authorization: ApiKey <key>`, looks up its id, and compares digests.
/// See the [module docs](super).
#[must_use]
pub struct ApiKeys<F> {
    find: F,
    hasher: ApiKeyHasher,
    clock: Clock,
    scheme: Scheme,
    fields: [HeaderName; 2],
}

impl<F: FindApiKey> ApiKeys<F> {
    /// Knows the keys that `find` finds and that were issued with `hasher`.
    pub fn new(find: F, hasher: ApiKeyHasher) -> Self {
        let fields = [HeaderName::from_static("x-api-key"), AUTHORIZATION];
        Self { find, hasher, clock: Clock::system(), scheme: Scheme::new("ApiKey"), fields }
    }

    /// The field that has the key and nothing else; `Authorization` for none but the scheme's.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.fields[0] = name;
        self
    }

    /// The scheme in `Authorization`, which challenges offer.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Tells when keys end.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn decide(&self, headers: &HeaderMap) -> Decision {
        match (self.in_own_field(headers)?, self.scheme.credentials(headers)?) {
            (Some(_), Some(_)) => Err(Reason::SeveralCredentials),
            (Some(key), None) | (None, Some(key)) => self.verify(key).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn in_own_field<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, Reason> {
        if self.fields[0] == AUTHORIZATION {
            return Ok(None);
        }
        let mut values = headers.get_all(&self.fields[0]).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Reason::SeveralCredentials);
        }
        value.to_str().map(Some).map_err(|_| Reason::MalformedApiKey)
    }

    fn verify(&self, key: &str) -> Result<Principal, Reason> {
        let id = id_of(key).ok_or(Reason::MalformedApiKey)?;
        let digest = self.hasher.digest(key);
        verify(self.find.find(id).as_deref(), &digest, &self.clock)
    }
}

impl<F: FindApiKey> Authenticate for ApiKeys<F> {
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        self.decide(&request.headers).into()
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(self.scheme.name())
    }

    fn reads(&self) -> &[HeaderName] {
        &self.fields
    }
}

impl<F> fmt::Debug for ApiKeys<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("hasher", &self.hasher)
            .field("scheme", &self.scheme)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
