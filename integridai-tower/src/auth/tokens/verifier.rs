use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request;

use super::cache::{TokenCache, TokenHash};
use super::revocation::{CheckRevocation, TokenFacts};
use crate::auth::jwt::{Issuer, Reload, Validator, Verified};
use crate::auth::{Attempt, Authenticate, Decision, Reason, Scheme};
use crate::{Clock, Principal};

/// Authenticates requests by bearer tokens that are JSON Web Tokens. A clone is the same.
///
/// A token that was verified is remembered by a hash until it ends, so that its signature is not checked again; all are
/// forgotten when the keys of an issuer change and when something is revoked. A token whose key is not known has the
/// keys of its issuer loaded anew, where that can help, and waits for it.
///
/// ```
/// use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Validator};
/// use integridai_tower::auth::{AuthenticateLayer, TokenVerifier};
///
/// let key = Key::hmac(Algorithm::Hs256, b"a secret of 32 random bytes or more")?;
/// let issuer = Issuer::new("https://id.example").audience("my-service").keys(KeySet::new([key])?);
/// let tokens = TokenVerifier::new(Validator::new([issuer])?);
/// let layer = AuthenticateLayer::new(tokens);
/// # let _ = layer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct TokenVerifier {
    validator: Validator,
    cache: Option<Arc<TokenCache>>,
    revocation: Option<Arc<dyn CheckRevocation>>,
    clock: Clock,
}

const MAX_CACHED: usize = 10_000;

impl TokenVerifier {
    /// Accepts what the validator accepts; remembers up to 10 000 tokens.
    pub fn new(validator: Validator) -> Self {
        let cache = Some(Arc::new(TokenCache::new(MAX_CACHED)));
        Self { validator, cache, revocation: None, clock: Clock::system() }
    }

    /// How many tokens are remembered; 0: none.
    pub fn max_cached(mut self, tokens: usize) -> Self {
        self.cache = (tokens > 0).then(|| Arc::new(TokenCache::new(tokens)));
        self
    }

    /// Refuses the tokens that were revoked. It remembers tokens on its own from now on: what a clone let pass, it did not
    /// ask about.
    pub fn revocation(mut self, check: impl CheckRevocation + 'static) -> Self {
        self.revocation = Some(Arc::new(check));
        self.cache = self.cache.map(|shared| Arc::new(shared.empty()));
        self
    }

    /// The clock that tokens are judged by. Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Forgets all tokens that were verified, so that each is checked again.
    pub fn forget_tokens(&self) {
        if let Some(cache) = &self.cache {
            cache.clear();
        }
    }

    /// Whom a token speaks for.
    #[must_use]
    pub fn verify(&self, token: &str) -> Attempt {
        let generation = self.generation();
        let place = self.place(token, generation);
        if let Some(principal) = place.as_ref().and_then(|place| place.principal(self.clock.since_epoch())) {
            return Attempt::Decided(Ok(Some(principal)));
        }
        match self.check(token, place) {
            unknown @ Err(Reason::UnknownKey | Reason::KeysUnavailable) => {
                self.check_again(token, generation, unknown)
            }
            decision => Attempt::Decided(decision),
        }
    }

    fn place(&self, token: &str, generation: u64) -> Option<Place<'_>> {
        self.cache.as_deref().map(|cache| Place::of(token, cache, generation))
    }

    fn check(&self, token: &str, place: Option<Place<'_>>) -> Decision {
        let verified = self.validator.check(token, self.clock.since_epoch())?;
        if self.is_revoked(&verified) {
            return Err(Reason::Revoked);
        }
        if let Some(place) = place {
            place.keep(&verified);
        }
        Ok(Some(verified.principal))
    }

    fn is_revoked(&self, token: &Verified) -> bool {
        self.revocation.as_ref().is_some_and(|revocation| {
            revocation.is_revoked(&TokenFacts {
                issuer: token.principal.issuer(),
                subject: token.principal.subject(),
                id: token.id.as_deref(),
                issued_at: token.issued_at,
            })
        })
    }

    /// Has the keys of the token's issuer loaded anew, where that is of use.
    fn reloaded(&self, token: &str) -> Option<Reload> {
        self.validator.issuer_of(token).ok()?.reload_keys()
    }

    fn check_again(&self, token: &str, generation: u64, unknown: Decision) -> Attempt {
        if let Some(reloaded) = self.reloaded(token) {
            return self.check_after(reloaded, token.into());
        }
        // What a reload would bring may have come after the keys were looked at.
        let present = self.generation();
        if present == generation {
            return Attempt::Decided(unknown);
        }
        Attempt::Decided(self.check(token, self.place(token, present)))
    }

    fn check_after(&self, reloaded: Reload, token: Box<str>) -> Attempt {
        let this = self.clone();
        Attempt::Waiting(Box::pin(async move {
            reloaded.await;
            this.check(&token, this.place(&token, this.generation()))
        }))
    }

    /// Each part of it only grows, so no two states of affairs have the same number.
    fn generation(&self) -> u64 {
        let forgotten = self.cache.as_deref().map_or(0, TokenCache::generation);
        let keys = self.validator.issuers().map(Issuer::keys_version);
        let revoked = self.revocation.as_deref().map(CheckRevocation::version);
        keys.chain(revoked).fold(forgotten, u64::wrapping_add)
    }
}

/// A token's place in the cache, in the generation in which it was looked up: a token that is verified while keys change
/// is not kept for longer than they were there.
struct Place<'a> {
    cache: &'a TokenCache,
    token: TokenHash,
    generation: u64,
}

impl<'a> Place<'a> {
    fn of(token: &str, cache: &'a TokenCache, generation: u64) -> Self {
        Self { cache, token: cache.hash(token), generation }
    }

    fn principal(&self, now: Duration) -> Option<Principal> {
        self.cache.get(self.token, self.generation, now)
    }

    fn keep(&self, token: &Verified) {
        self.cache.insert(self.token, self.generation, token.principal.clone(), token.until);
    }
}

impl Authenticate for TokenVerifier {
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        let scheme = Scheme::BEARER.max_len(self.validator.longest());
        match scheme.credentials(&request.headers) {
            Ok(Some(token)) => self.verify(token),
            Ok(None) => Attempt::Decided(Ok(None)),
            Err(reason) => Attempt::Decided(Err(reason)),
        }
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(Scheme::BEARER.name())
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("validator", &self.validator)
            .field("cache", &self.cache)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
