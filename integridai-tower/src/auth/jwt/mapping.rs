//! How claims become a principal.

use std::time::Duration;

use super::claims::string;
use super::json::{Element, Members};
use crate::auth::Reason;
use crate::{Principal, PrincipalKind};

/// Where a claim stands: `"roles"` at the top, `["realm_access", "roles"]` in an object below.
///
/// A dot in a name is part of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    first: Box<str>,
    below: Vec<Box<str>>,
}

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        Self { first: name.into(), below: Vec::new() }
    }
}

impl<const N: usize> From<[&str; N]> for ClaimPath {
    fn from(names: [&str; N]) -> Self {
        let mut names = names.into_iter().map(Box::from);
        Self { first: names.next().unwrap_or_default(), below: names.collect() }
    }
}

impl ClaimPath {
    fn find<'a>(&self, claims: &Members<'a>) -> Result<Option<Element<'a>>, Reason> {
        let mut found = claims.get(&self.first);
        for name in &self.below {
            let object = found.and_then(Element::members);
            found = object.and_then(|members| members.get(name));
        }
        Ok(present(found))
    }
}

/// `null` is as good as nothing.
fn present(claim: Option<Element<'_>>) -> Option<Element<'_>> {
    claim.filter(|element| element.json() != Some("null"))
}

/// Which claims become what.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub(super) subject: ClaimPath,
    /// Unset: `scope`, or else `scp`.
    pub(super) scopes: Option<ClaimPath>,
    pub(super) roles: ClaimPath,
    pub(super) tenant: Option<ClaimPath>,
    pub(super) kept: Vec<Box<str>>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self { subject: "sub".into(), scopes: None, roles: "roles".into(), tenant: None, kept: Vec::new() }
    }
}

impl Mapping {
    pub(super) fn principal(
        &self,
        claims: &Members<'_>,
        expires_at: Option<Duration>,
    ) -> Result<Principal, Reason> {
        let subject = self.subject.find(claims)?.ok_or(Reason::MissingClaim)?;
        let subject = subject.text().filter(|name| !name.is_empty()).ok_or(Reason::MalformedClaim)?;
        let mut builder = Principal::builder(&*subject)
            .kind(kind(claims, &subject)?)
            .scopes(self.scopes(claims)?)
            .roles(self.roles(claims)?);
        if let Some(issuer) = string(claims, "iss")? {
            builder = builder.issuer(issuer);
        }
        if let Some(tenant) = self.tenant(claims)? {
            builder = builder.tenant(tenant);
        }
        if let Some(end) = expires_at {
            builder = builder.expires_at(end);
        }
        for name in &self.kept {
            if let Some(value) = claims.get(name) {
                builder = builder.claim(name.clone(), value.value()?);
            }
        }
        Ok(builder.build())
    }

    /// A list in one string, separated by spaces (RFC 9068 §2.2.3, RFC 8693 §4.2), or an array.
    fn scopes(&self, claims: &Members<'_>) -> Result<Vec<Box<str>>, Reason> {
        let found = match &self.scopes {
            Some(path) => path.find(claims)?,
            None => present(claims.get("scope")).or_else(|| present(claims.get("scp"))),
        };
        let Some(found) = found else { return Ok(Vec::new()) };
        match found.text() {
            Some(list) => Ok(list.split(' ').filter(|scope| !scope.is_empty()).map(Box::from).collect()),
            None => found.texts().ok_or(Reason::MalformedClaim),
        }
    }

    /// An array (RFC 9068 §2.2.3.1); a string is one role, since the name of a role may have spaces.
    fn roles(&self, claims: &Members<'_>) -> Result<Vec<Box<str>>, Reason> {
        let Some(found) = self.roles.find(claims)? else { return Ok(Vec::new()) };
        match found.text() {
            Some(role) => Ok(vec![role.into()]),
            None => found.texts().ok_or(Reason::MalformedClaim),
        }
    }

    fn tenant(&self, claims: &Members<'_>) -> Result<Option<Box<str>>, Reason> {
        let Some(path) = &self.tenant else { return Ok(None) };
        let Some(found) = path.find(claims)? else { return Ok(None) };
        found.text().map(|name| Some(name.into())).ok_or(Reason::MalformedClaim)
    }
}

/// A client that acts for itself is its own subject (RFC 9068 §2.2).
fn kind(claims: &Members<'_>, subject: &str) -> Result<PrincipalKind, Reason> {
    let is_its_own = string(claims, "client_id")?.is_some_and(|client| client == subject);
    Ok(if is_its_own { PrincipalKind::Service } else { PrincipalKind::User })
}
