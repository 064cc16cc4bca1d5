use std::fmt;
use std::sync::Arc;

use http::{HeaderName, Method};

use super::KeyBy;
use crate::Principal;
use crate::rate_limit::{Key, RequestHead};

/// By the [`Principal`]: its issuer and its subject.
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct ByPrincipal(());

impl ByPrincipal {
    /// By issuer and subject.
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyBy for ByPrincipal {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        let principal = request.extensions.get::<Principal>()?;
        Some(of_issuer(principal, principal.subject()))
    }
}

/// A name means what its issuer means by it: another's is another.
fn of_issuer(principal: &Principal, name: &str) -> Key {
    let key = match principal.issuer() {
        Some(issuer) => Key::new().text(issuer),
        None => Key::new().absent(),
    };
    key.text(name)
}

/// By the [`Principal`]'s issuer and tenant: all who belong to it share one quota. What another issuer calls by the same name is
/// another tenant.
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct ByTenant(());

impl ByTenant {
    /// By issuer and tenant.
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyBy for ByTenant {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        let principal = request.extensions.get::<Principal>()?;
        principal.tenant().map(|tenant| of_issuer(principal, tenant))
    }
}

/// By the API key that was presented: the public id that the [`Principal`] has as its claim `api_key_id`, and the issuer, where it has
/// one: a token with that claim counts for no key of yours.
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct ByApiKey(());

impl ByApiKey {
    /// By issuer and the key's public id.
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyBy for ByApiKey {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        let principal = request.extensions.get::<Principal>()?;
        principal.claim("api_key_id")?.as_str().map(|id| of_issuer(principal, id))
    }
}

/// By a header field's value; of several lines, the first.
///
/// Whoever writes the field chooses the key: use it for fields that something you trust has set, or together with others.
#[derive(Debug, Clone)]
#[must_use]
pub struct ByHeader(HeaderName);

impl ByHeader {
    /// By the value of this field.
    pub fn new(name: HeaderName) -> Self {
        Self(name)
    }
}

impl KeyBy for ByHeader {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        request.headers.get(&self.0).map(|value| Key::new().bytes(value.as_bytes()))
    }
}

const KNOWN: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

type Name = dyn Fn(&RequestHead<'_>) -> Option<Arc<str>> + Send + Sync;

/// By route and method. Requests without a route, such as those for unknown paths, share one key per method.
#[derive(Clone)]
#[must_use]
pub struct ByRoute(Arc<Name>);

impl ByRoute {
    /// `name` tells the route's template from the extensions that a router leaves, never the path itself, of which a client
    /// can invent as many as it likes.
    pub fn new(name: impl Fn(&RequestHead<'_>) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(name))
    }
}

impl KeyBy for ByRoute {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        let key = match (self.0)(request) {
            Some(route) => Key::new().text(&route),
            None => Key::new().absent(),
        };
        // A client can invent methods as well.
        Some(if KNOWN.contains(request.method) { key.text(request.method.as_str()) } else { key.absent() })
    }
}

impl fmt::Debug for ByRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByRoute")
    }
}
