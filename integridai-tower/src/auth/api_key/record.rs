//! What is kept of a key: whose it is, what it may do, and digests of its secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::digest::{ApiKeyHasher, SecretDigest};
use super::key::{ApiKey, is_id};
use crate::auth::Reason;
use crate::{Clock, ConfigError, Principal, PrincipalKind};

/// A new secret and the one before it, while its users change over.
const MAX_SECRETS: usize = 2;

/// Whose key it is and what it may do. It has no secret, only digests, and can be serialised and kept in a file.
///
/// Its principal is a [`Service`](PrincipalKind::Service) unless told, and has the claim `api_key_id`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Facts", into = "Facts")]
pub struct ApiKeyRecord {
    facts: Facts,
    principal: Principal,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    id: Box<str>,
    subject: Box<str>,
    #[serde(default)]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(default)]
    revoked: bool,
    secrets: Vec<Secret>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    #[default]
    Service,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    digest: SecretDigest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

impl ApiKeyRecord {
    /// Makes a key for `subject`, and its record.
    ///
    /// # Errors
    /// Where the label is not 1 to 16 characters a to z and 0 to 9, the subject is empty, or the system has no random
    /// numbers.
    pub fn issue(label: &str, subject: &str, hasher: &ApiKeyHasher) -> Result<(ApiKey, Self), ConfigError> {
        let key = ApiKey::generate(label)?;
        let facts = Facts {
            id: key.id().into(),
            subject: subject.into(),
            kind: Kind::default(),
            tenant: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            expires_at: None,
            revoked: false,
            secrets: vec![Secret { digest: hasher.digest(key.expose()), expires_at: None }],
        };
        Ok((key, Self::try_from(facts)?))
    }

    /// What kind of caller has it.
    #[must_use]
    pub fn kind(self, kind: PrincipalKind) -> Self {
        self.set(|facts| facts.kind = if kind == PrincipalKind::User { Kind::User } else { Kind::Service })
    }

    /// The customer or organisation that it belongs to.
    #[must_use]
    pub fn tenant(self, tenant: impl Into<Box<str>>) -> Self {
        self.set(|facts| facts.tenant = Some(tenant.into()))
    }

    /// What it may do.
    #[must_use]
    pub fn scopes<T: Into<Box<str>>>(self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.set(|facts| facts.scopes = scopes.into_iter().map(Into::into).collect())
    }

    /// What its owner is.
    #[must_use]
    pub fn roles<T: Into<Box<str>>>(self, roles: impl IntoIterator<Item = T>) -> Self {
        self.set(|facts| facts.roles = roles.into_iter().map(Into::into).collect())
    }

    /// When it ends, as time since 1970-01-01 UTC, in whole seconds.
    #[must_use]
    pub fn expires_at(self, since_epoch: Duration) -> Self {
        self.set(|facts| facts.expires_at = Some(since_epoch.as_secs()))
    }

    /// Gives it a new secret. The one it has is good until `old_ends_at`, as time since 1970-01-01 UTC; one that was
    /// older still is good no longer.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn rotate(&mut self, hasher: &ApiKeyHasher, old_ends_at: Duration) -> Result<ApiKey, ConfigError> {
        let key = ApiKey::of_id(&self.facts.id)?;
        let secrets = &mut self.facts.secrets;
        secrets.truncate(MAX_SECRETS - 1);
        for old in secrets.iter_mut() {
            let end = old_ends_at.as_secs();
            old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
        }
        secrets.insert(0, Secret { digest: hasher.digest(key.expose()), expires_at: None });
        Ok(key)
    }

    /// Ends it at once, for good.
    pub fn revoke(&mut self) {
        self.facts.revoked = true;
    }

    /// Whether it was ended for good.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.facts.revoked
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.facts.id
    }

    /// Who has it.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    fn set(mut self, setting: impl FnOnce(&mut Facts)) -> Self {
        setting(&mut self.facts);
        self.principal = self.facts.principal(self.facts.expires_at);
        self
    }

    /// The clock is asked only where something ends.
    fn judge(&self, secret: &Secret, clock: &Clock) -> Result<Principal, Reason> {
        let has_ended = |end: Option<u64>| end.is_some_and(|end| end <= clock.since_epoch().as_secs());
        if self.facts.revoked {
            return Err(Reason::Revoked);
        }
        if has_ended(self.facts.expires_at) || has_ended(secret.expires_at) {
            return Err(Reason::Expired);
        }
        Ok(self.principal_until(secret.expires_at))
    }

    /// An old secret may end before its key.
    fn principal_until(&self, end: Option<u64>) -> Principal {
        match end {
            Some(end) if self.facts.expires_at.is_none_or(|key_end| end < key_end) => {
                self.facts.principal(Some(end))
            }
            _ => self.principal.clone(),
        }
    }
}

/// Judges a key by its digest. Found or not, with one secret or two, it compares as often.
pub(super) fn verify(
    record: Option<&ApiKeyRecord>,
    presented: &SecretDigest,
    clock: &Clock,
) -> Result<Principal, Reason> {
    let secrets = record.map_or(&[][..], |record| &record.facts.secrets);
    let mut matching = None;
    for at in 0..MAX_SECRETS {
        let secret = secrets.get(at);
        let is_equal = presented.equals(secret.map_or(&SecretDigest::NONE, |secret| &secret.digest));
        matching = if is_equal { secret } else { matching };
    }
    let record = record.ok_or(Reason::UnknownApiKey)?;
    record.judge(matching.ok_or(Reason::WrongSecret)?, clock)
}

impl Facts {
    fn principal(&self, end: Option<u64>) -> Principal {
        let kind = match self.kind {
            Kind::User => PrincipalKind::User,
            Kind::Service => PrincipalKind::Service,
        };
        let mut principal = Principal::builder(self.subject.clone())
            .kind(kind)
            .scopes(self.scopes.iter().cloned())
            .roles(self.roles.iter().cloned())
            .claim("api_key_id", (*self.id).into());
        if let Some(tenant) = &self.tenant {
            principal = principal.tenant(tenant.clone());
        }
        if let Some(end) = end {
            principal = principal.expires_at(Duration::from_secs(end));
        }
        principal.build()
    }
}

impl TryFrom<Facts> for ApiKeyRecord {
    type Error = ConfigError;

    fn try_from(facts: Facts) -> Result<Self, ConfigError> {
        if !is_id(&facts.id) {
            return Err(ConfigError::new("id", "is a label, an underscore and 12 letters and digits"));
        }
        if facts.subject.is_empty() {
            return Err(ConfigError::new("subject", "is not empty"));
        }
        if facts.secrets.len() > MAX_SECRETS {
            return Err(ConfigError::new("secrets", "are two at most"));
        }
        let principal = facts.principal(facts.expires_at);
        Ok(Self { facts, principal })
    }
}

impl From<ApiKeyRecord> for Facts {
    fn from(record: ApiKeyRecord) -> Self {
        record.facts
    }
}
