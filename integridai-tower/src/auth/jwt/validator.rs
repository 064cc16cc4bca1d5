//! The issuers that are trusted, and the way of a token through them.

use std::sync::Arc;
use std::time::Duration;

use super::claims::string;
use super::compact::Compact;
use super::header::Header;
use super::issuer::Issuer;
use super::json::Members;
use crate::auth::Reason;
use crate::{ConfigError, Principal};

/// Checks tokens of the issuers that are trusted. A clone shares them.
#[derive(Debug, Clone)]
pub struct Validator {
    /// Sorted by name; one that stands for any comes first.
    issuers: Arc<[Issuer]>,
    max_bytes: usize,
}

/// What came of a token that is good.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// Who it speaks for.
    pub principal: Principal,
    /// Its `jti`.
    pub id: Option<Box<str>>,
    /// Its `iat`, as time since 1970-01-01 UTC.
    pub issued_at: Option<Duration>,
    /// From when on it is refused: `exp` with the leeway, or the greatest age. As time since 1970-01-01 UTC.
    pub until: Duration,
}

impl Validator {
    /// Trusts these issuers.
    ///
    /// # Errors
    /// If there is none, two have the same name, or one lacks its keys or its audience.
    pub fn new(issuers: impl IntoIterator<Item = Issuer>) -> Result<Self, ConfigError> {
        let mut issuers: Vec<Issuer> = issuers.into_iter().collect();
        if issuers.is_empty() {
            return Err(ConfigError::new("issuers", "there is none"));
        }
        issuers.iter().try_for_each(Issuer::check)?;
        issuers.sort_by(|one, other| one.name().cmp(&other.name()));
        if let Some(pair) = issuers.windows(2).find(|pair| pair[0].name() == pair[1].name()) {
            let name = pair[0].name().unwrap_or("any");
            return Err(ConfigError::new("issuers", format!("{name} is there twice")));
        }
        Ok(Self { issuers: issuers.into(), max_bytes: 8 << 10 })
    }

    /// The greatest length of a token, in bytes; 8 KiB unless set. What is longer is not looked at.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The greatest length of a token, in bytes.
    pub(in crate::auth) fn longest(&self) -> usize {
        self.max_bytes
    }

    /// Who a token speaks for. `now` is the time since 1970-01-01 UTC.
    ///
    /// # Errors
    /// The [`Reason`] why it is not accepted. Of [`Reason::UnknownKey`] and [`Reason::KeysUnavailable`] the cause may be
    /// that keys were not loaded yet; [`issuer_of`](Self::issuer_of) says whose.
    pub fn verify(&self, token: impl AsRef<[u8]>, now: Duration) -> Result<Principal, Reason> {
        self.check(token, now).map(|verified| verified.principal)
    }

    /// Who a token speaks for, and what else has to be known to remember or to revoke it.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn check(&self, token: impl AsRef<[u8]>, now: Duration) -> Result<Verified, Reason> {
        let token = self.cut(token.as_ref())?;
        let mut buffer = Vec::new();
        let claims = Members::read(token.decode_claims(&mut buffer)?);
        match claims.and_then(|claims| Ok((self.issuer(&claims)?, claims))) {
            Ok((issuer, claims)) => issuer.verify(&token, &claims, now),
            // What is wrong with the header is told first.
            Err(reason) => Header::read(token.decode_header(&mut Vec::new())?).and(Err(reason)),
        }
    }

    /// The issuer that a token names. **Nothing is verified**: it serves to load keys, and to nothing else.
    ///
    /// # Errors
    /// If the token cannot be read, or names nobody who is trusted.
    pub fn issuer_of(&self, token: impl AsRef<[u8]>) -> Result<&Issuer, Reason> {
        let token = self.cut(token.as_ref())?;
        token.decode_header(&mut Vec::new())?;
        self.issuer(&Members::read(token.decode_claims(&mut Vec::new())?)?)
    }

    /// The issuers that are trusted.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter()
    }

    fn cut<'a>(&self, token: &'a [u8]) -> Result<Compact<'a>, Reason> {
        if token.len() > self.max_bytes {
            return Err(Reason::TokenTooLarge);
        }
        Compact::cut(token)
    }

    fn issuer(&self, claims: &Members<'_>) -> Result<&Issuer, Reason> {
        let any = self.issuers.first().filter(|first| first.name().is_none());
        let Some(name) = string(claims, "iss")? else { return any.ok_or(Reason::MissingClaim) };
        match self.issuers.binary_search_by(|issuer| issuer.name().cmp(&Some(&*name))) {
            Ok(index) => Ok(&self.issuers[index]),
            Err(_) => any.ok_or(Reason::WrongIssuer),
        }
    }
}
