//! One issuer, and what is asked of its tokens.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::algorithm::Algorithm;
use super::claims::{Expectations, string};
use super::compact::Compact;
use super::header::{Header, is_type};
use super::json::Members;
use super::key::Key;
use super::key_set::KeySet;
use super::mapping::{ClaimPath, Mapping};
use super::provide_keys::{ProvideKeys, Reload};
use super::validator::Verified;
use super::verifier::MAX_SIGNATURE;
use crate::ConfigError;
use crate::auth::Reason;

/// The types that are accepted where none is required: a plain token, and an access token (RFC 9068 §2.1).
const USUAL_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// An issuer whose tokens are accepted, and what is asked of them.
///
/// Keys and an audience have to be set, or the audience given up by name; see [`Validator`](super::Validator).
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    name: Option<Box<str>>,
    keys: Option<Keys>,
    algorithms: Option<Vec<Algorithm>>,
    required_type: Option<Box<str>>,
    ignores_embedded_keys: bool,
    has_audience_policy: bool,
    expectations: Expectations,
    mapping: Mapping,
}

#[derive(Clone)]
enum Keys {
    Fixed(KeySet),
    Provided(Arc<dyn ProvideKeys>),
}

impl Issuer {
    /// The issuer of this name: what `iss` says, to the letter.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self::named(Some(name.into()))
    }

    /// Whoever holds one of the keys, whatever `iss` says, and if it says nothing: for tokens that have no `iss`.
    ///
    /// Is asked last, after the issuers that have a name. Where two issuers share a key, it makes them one.
    pub fn dangerous_any() -> Self {
        Self::named(None)
    }

    fn named(name: Option<Box<str>>) -> Self {
        Self {
            name,
            keys: None,
            algorithms: None,
            required_type: None,
            ignores_embedded_keys: false,
            has_audience_policy: false,
            expectations: Expectations {
                audiences: Vec::new(),
                leeway: Duration::from_secs(60),
                max_age: None,
                needs_expiry: true,
            },
            mapping: Mapping::default(),
        }
    }

    /// Its keys.
    pub fn keys(mut self, keys: KeySet) -> Self {
        self.keys = Some(Keys::Fixed(keys));
        self
    }

    /// Where its keys come from, if they change.
    pub fn keys_from(mut self, source: impl ProvideKeys + 'static) -> Self {
        self.keys = Some(Keys::Provided(Arc::new(source)));
        self
    }

    /// A name that `aud` may hold: that of this service. Several may be set; one of them has to be there.
    pub fn audience(mut self, name: impl Into<Box<str>>) -> Self {
        self.expectations.audiences.push(name.into());
        self.has_audience_policy = true;
        self
    }

    /// Takes tokens that were made for other services: any of those can then pass its users' tokens on as theirs.
    pub fn dangerous_accept_any_audience(mut self) -> Self {
        self.expectations.audiences.clear();
        self.has_audience_policy = true;
        self
    }

    /// Takes tokens without `exp`, which stay good until their key is replaced.
    pub fn dangerous_accept_without_expiry(mut self) -> Self {
        self.expectations.needs_expiry = false;
        self
    }

    /// The only algorithms that are accepted; unless set, whichever the key is for.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// How far the issuer's clock may be from ours, either way; 60 s unless set.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expectations.leeway = leeway;
        self
    }

    /// The greatest age, counted from `iat`, which has to be there then.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.expectations.max_age = Some(age);
        self
    }

    /// The `typ` that a token must have (RFC 8725 §3.11): `at+jwt` for access tokens of RFC 9068. Unless set, `JWT`,
    /// `at+jwt` and none are accepted, and every other is refused.
    pub fn required_type(mut self, media_type: impl Into<Box<str>>) -> Self {
        self.required_type = Some(media_type.into());
        self
    }

    /// Passes over `jwk`, `jku`, `x5u` and `x5c` in the header instead of refusing the token: for issuers that put them
    /// there. They are never used.
    pub fn ignore_embedded_keys(mut self) -> Self {
        self.ignores_embedded_keys = true;
        self
    }

    /// The claim that names the principal; `sub` unless set.
    pub fn subject_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.mapping.subject = path.into();
        self
    }

    /// The claim with the scopes, a string with spaces between or an array; `scope`, or else `scp`, unless set.
    pub fn scopes_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.mapping.scopes = Some(path.into());
        self
    }

    /// The claim with the roles, an array, or a string that is one role; `roles` unless set.
    pub fn roles_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.mapping.roles = path.into();
        self
    }

    /// The claim with the tenant; unless set, principals have none.
    pub fn tenant_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.mapping.tenant = Some(path.into());
        self
    }

    /// A claim that is kept for [`Principal::claim`](crate::Principal::claim). What is not named is dropped.
    pub fn keep_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.mapping.kept.push(name.into());
        self
    }

    /// Its name; `None` if it stands for any.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// A number that grows whenever a key may have been taken away; see [`ProvideKeys::version`].
    #[must_use]
    pub fn keys_version(&self) -> u64 {
        match &self.keys {
            Some(Keys::Provided(source)) => source.version(),
            _ => 0,
        }
    }

    /// Has its keys loaded anew; see [`ProvideKeys::reload`].
    #[must_use]
    pub fn reload_keys(&self) -> Option<Reload> {
        match &self.keys {
            Some(Keys::Provided(source)) => source.reload(),
            _ => None,
        }
    }

    /// What would make it accept nothing, or more than it says.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.name.as_deref() == Some("") {
            return Err(ConfigError::new("issuer", "it has no name"));
        }
        if self.keys.is_none() {
            return Err(ConfigError::new("keys", "none are set"));
        }
        if !self.has_audience_policy {
            return Err(ConfigError::new(
                "audience",
                "none is set; dangerous_accept_any_audience() does without",
            ));
        }
        if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::new("algorithms", "the list is empty"));
        }
        Ok(())
    }

    /// The cheap refusals first, then the signature, and only then what the claims say.
    pub(super) fn verify(
        &self,
        token: &Compact<'_>,
        claims: &Members<'_>,
        now: Duration,
    ) -> Result<Verified, Reason> {
        let keys = self.current_keys();
        match keys.as_deref().and_then(|keys| keys.recall(token.header)) {
            Some(header) => self.check_signature(token, header, keys.as_deref()).map(drop)?,
            None => self.check_anew(token, keys.as_deref())?,
        }
        let times = self.expectations.check(claims, now)?;
        let id = string(claims, "jti")?.map(Box::from);
        let principal = self.mapping.principal(claims, times.expires_at)?;
        Ok(Verified { principal, id, issued_at: times.issued_at, until: times.until })
    }

    fn current_keys(&self) -> Option<Cow<'_, KeySet>> {
        match self.keys.as_ref()? {
            Keys::Fixed(keys) => Some(Cow::Borrowed(keys)),
            Keys::Provided(source) => source.keys().map(Cow::Owned),
        }
    }

    /// Reads the header, checks by it, and has it remembered by the key.
    fn check_anew(&self, token: &Compact<'_>, keys: Option<&KeySet>) -> Result<(), Reason> {
        let mut buffer = Vec::new();
        let header = Header::read(token.decode_header(&mut buffer)?)?;
        self.check_signature(token, &header, keys)?.remember(token.header, &header);
        Ok(())
    }

    fn check_header(&self, header: &Header<'_>) -> Result<(), Reason> {
        if header.brings_key && !self.ignores_embedded_keys {
            return Err(Reason::EmbeddedKey);
        }
        if !self.accepts_type(header.token_type.as_deref()) {
            return Err(Reason::WrongType);
        }
        match &self.algorithms {
            Some(accepted) if !accepted.contains(&header.algorithm) => Err(Reason::WrongAlgorithm),
            _ => Ok(()),
        }
    }

    fn accepts_type(&self, found: Option<&str>) -> bool {
        match (&self.required_type, found) {
            (Some(required), Some(found)) => is_type(found, required),
            (Some(_), None) => false,
            (None, Some(found)) => USUAL_TYPES.iter().any(|usual| is_type(found, usual)),
            (None, None) => true,
        }
    }

    fn check_signature<'k>(
        &self,
        token: &Compact<'_>,
        header: &Header<'_>,
        keys: Option<&'k KeySet>,
    ) -> Result<&'k Key, Reason> {
        self.check_header(header)?;
        let mut buffer = [0; MAX_SIGNATURE];
        let signature = token.decode_signature(&mut buffer)?;
        let keys = keys.ok_or(Reason::KeysUnavailable)?;
        keys.signer(header.key_id.as_deref(), header.algorithm, token.signed, signature)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("algorithms", &self.algorithms)
            .field("expectations", &self.expectations)
            .finish_non_exhaustive()
    }
}
