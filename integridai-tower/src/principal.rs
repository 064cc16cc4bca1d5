//! Who asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// Who a request comes from, as an authenticator established it. A clone shares everything.
///
/// Found in the extensions of an authenticated request.
///
/// ```
/// use integridai_tower::Principal;
///
/// let principal = Principal::builder("user-7").tenant("acme").scopes(["metrics:read"]).build();
/// assert!(principal.has_scope("metrics:read") && !principal.has_scope("metrics"));
/// assert_eq!(principal.subject(), "user-7");
/// ```
#[derive(Clone, PartialEq)]
pub struct Principal(Arc<Facts>);

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A person, through whatever program.
    #[default]
    User,
    /// A program on its own behalf.
    Service,
}

#[derive(Clone, PartialEq)]
struct Facts {
    subject: Box<str>,
    kind: PrincipalKind,
    issuer: Option<Box<str>>,
    tenant: Option<Box<str>>,
    scopes: Vec<Box<str>>,
    roles: Vec<Box<str>>,
    expires_at: Option<Duration>,
    claims: BTreeMap<Box<str>, Value>,
}

impl Principal {
    /// Describes a user of this name, without scopes, roles, claims or an end.
    pub fn builder(subject: impl Into<Box<str>>) -> PrincipalBuilder {
        PrincipalBuilder(Facts {
            subject: subject.into(),
            kind: PrincipalKind::User,
            issuer: None,
            tenant: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            expires_at: None,
            claims: BTreeMap::new(),
        })
    }

    /// Its name, unique within its issuer: the token's `sub`, or that of the API key.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What kind of caller it is.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// Who vouches for it: the token's `iss`.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The customer or organisation it belongs to.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// Whether it has this scope (RFC 6749 §3.3); case counts.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        contains(&self.0.scopes, scope)
    }

    /// Whether it has this role (RFC 9068 §2.2.3.1); case counts.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        contains(&self.0.roles, role)
    }

    /// All scopes, sorted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scopes.iter().map(AsRef::as_ref)
    }

    /// All roles, sorted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(AsRef::as_ref)
    }

    /// When what was presented ends, as time since 1970-01-01 UTC; `None` if never.
    #[must_use]
    pub fn expires_at(&self) -> Option<Duration> {
        self.0.expires_at
    }

    /// A further fact, as the authenticator read it.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.claims.get(name)
    }
}

/// Describes a [`Principal`]; see [`Principal::builder`].
#[derive(Clone)]
#[must_use = "a description is not a principal yet"]
pub struct PrincipalBuilder(Facts);

impl PrincipalBuilder {
    /// What kind of caller it is.
    pub fn kind(mut self, kind: PrincipalKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Who vouches for it.
    pub fn issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.0.issuer = Some(issuer.into());
        self
    }

    /// The customer or organisation it belongs to.
    pub fn tenant(mut self, tenant: impl Into<Box<str>>) -> Self {
        self.0.tenant = Some(tenant.into());
        self
    }

    /// What it may do.
    pub fn scopes<T: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.0.scopes = sorted(scopes);
        self
    }

    /// What it is.
    pub fn roles<T: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.0.roles = sorted(roles);
        self
    }

    /// When what was presented ends, as time since 1970-01-01 UTC.
    pub fn expires_at(mut self, since_epoch: Duration) -> Self {
        self.0.expires_at = Some(since_epoch);
        self
    }

    /// A further fact.
    pub fn claim(mut self, name: impl Into<Box<str>>, value: Value) -> Self {
        self.0.claims.insert(name.into(), value);
        self
    }

    /// The principal.
    #[must_use]
    pub fn build(self) -> Principal {
        Principal(Arc::new(self.0))
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print("PrincipalBuilder", f)
    }
}

fn sorted<T: Into<Box<str>>>(names: impl IntoIterator<Item = T>) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn contains(sorted: &[Box<str>], name: &str) -> bool {
    sorted.binary_search_by(|candidate| (**candidate).cmp(name)).is_ok()
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print("Principal", f)
    }
}

impl Facts {
    /// Without the values of the claims, which may be personal.
    fn print(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, kind, issuer, tenant, scopes, roles, expires_at, claims } = self;
        f.debug_struct(name)
            .field("subject", subject)
            .field("kind", kind)
            .field("issuer", issuer)
            .field("tenant", tenant)
            .field("scopes", scopes)
            .field("roles", roles)
            .field("expires_at", expires_at)
            .field("claims", &claims.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_print_has_no_claim_values() {
        let builder = Principal::builder("u").claim("email", "a@b.example".into());
        for printed in [format!("{builder:?}"), format!("{:?}", builder.clone().build())] {
            assert!(printed.contains("email") && !printed.contains("a@b.example"), "{printed}");
        }
    }

    #[test]
    fn scopes_are_sorted_and_named_once() {
        let principal = Principal::builder("u").scopes(["b", "a", "a"]).build();
        assert_eq!(principal.scopes().collect::<Vec<_>>(), ["a", "b"]);
        assert!(principal.has_scope("b") && !principal.has_scope("A"));
    }
}
