//! How a request's credentials become a principal.

use std::fmt;
use std::pin::Pin;

use http::header::AUTHORIZATION;
use http::{HeaderName, request};

use super::Reason;
use crate::Principal;

/// What came of one authenticator: a principal; nothing, since the request has no credentials of its kind, so that the
/// next authenticator is asked; or a refusal, which ends the matter.
pub type Decision = Result<Option<Principal>, Reason>;

/// Establishes who a request comes from.
///
/// Closures of `Fn(&request::Parts) -> Decision` implement it.
pub trait Authenticate: Send + Sync {
    /// Reads the credentials. Must not block: what has to wait is an [`Attempt::Waiting`].
    fn authenticate(&self, request: &request::Parts) -> Attempt;

    /// The authentication scheme to offer to a client that presented nothing (RFC 9110 §11.1): `Bearer`.
    fn scheme(&self) -> Option<&'static str> {
        None
    }

    /// The fields that credentials are read from: removed, or marked as sensitive, before the request goes on.
    fn reads(&self) -> &[HeaderName] {
        &[AUTHORIZATION]
    }
}

/// A decision, or the way to one.
pub enum Attempt {
    /// Known at once; the usual case.
    Decided(Decision),
    /// Known later. Owns all it needs of the request, and ends in bounded time.
    Waiting(Pin<Box<dyn Future<Output = Decision> + Send>>),
}

impl Attempt {
    /// Known when `decision` is.
    pub fn waiting(decision: impl Future<Output = Decision> + Send + 'static) -> Self {
        Self::Waiting(Box::pin(decision))
    }
}

impl From<Decision> for Attempt {
    fn from(decision: Decision) -> Self {
        Self::Decided(decision)
    }
}

impl From<Result<Principal, Reason>> for Attempt {
    fn from(verified: Result<Principal, Reason>) -> Self {
        Self::Decided(verified.map(Some))
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(decision) => f.debug_tuple("Decided").field(decision).finish(),
            Self::Waiting(_) => f.write_str("Waiting"),
        }
    }
}

impl<F> Authenticate for F
where
    F: Fn(&request::Parts) -> Decision + Send + Sync,
{
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        self(request).into()
    }
}
