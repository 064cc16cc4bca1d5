//! Tokens in the `Authorization` field.

use std::fmt;

use http::request;

use super::{Attempt, Authenticate, Scheme};

/// Reads a bearer token (RFC 6750 §2.1) and has it verified by `V`: a closure of `Fn(&str) -> A`, where `A` is
/// a [`Decision`](super::Decision), a `Result<Principal, Reason>` or an [`Attempt`].
///
/// The token has been found to be a b64token that is not too long, and nothing else.
///
/// ```
/// use integridai_tower::Principal;
/// use integridai_tower::auth::{AuthenticateLayer, Bearer, Reason};
///
/// let bearer = Bearer::new(|token: &str| match token {
///     "open-sesame" => Ok(Principal::builder("ali-baba").build()),
///     _ => Err(Reason::UnknownKey),
/// });
/// let layer = AuthenticateLayer::new(bearer);
/// # let _ = layer;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Bearer<V> {
    verify: V,
    scheme: Scheme,
}

impl<V> Bearer<V> {
    /// Has tokens of the scheme `Bearer` verified.
    pub fn new<A>(verify: V) -> Self
    where
        V: Fn(&str) -> A + Send + Sync,
        A: Into<Attempt>,
    {
        Self { verify, scheme: Scheme::BEARER }
    }

    /// Reads the tokens of another scheme, or of another length.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }
}

impl<V, A> Authenticate for Bearer<V>
where
    V: Fn(&str) -> A + Send + Sync,
    A: Into<Attempt>,
{
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        match self.scheme.credentials(&request.headers) {
            Ok(Some(token)) => (self.verify)(token).into(),
            Ok(None) => Attempt::Decided(Ok(None)),
            Err(reason) => Attempt::Decided(Err(reason)),
        }
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(self.scheme.name())
    }
}

impl<V> fmt::Debug for Bearer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}
