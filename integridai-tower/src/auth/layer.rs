use std::sync::Arc;
use std::time::Duration;

use http::request;
use tower_layer::Layer;

use super::challenge::Challenges;
use super::door::Door;
use super::service::Authenticated;
use super::{Authenticate, Denied};
use crate::{ConfigError, Reject};

/// Establishes who a request comes from, and lets in whom it knows. See the [module docs](super).
#[derive(Debug, Clone)]
#[must_use]
pub struct AuthenticateLayer {
    door: Arc<Door>,
}

impl AuthenticateLayer {
    /// Asks `authenticator`; a request without credentials is refused.
    pub fn new(authenticator: impl Authenticate + 'static) -> Self {
        Self { door: Arc::new(Door::new()) }.or(authenticator)
    }

    /// Asks `authenticator` too, where none before it found credentials of its kind.
    pub fn or(self, authenticator: impl Authenticate + 'static) -> Self {
        self.set(|door| {
            if let Some(scheme) = authenticator.scheme() {
                Arc::make_mut(&mut door.challenges).offer(scheme);
            }
            door.authenticators.push(Arc::new(authenticator));
        })
    }

    /// Lets requests without credentials in where `optional` says so: they have no principal then. Credentials that are
    /// presented have to be right nevertheless. Asked anew, it replaces what was said before.
    pub fn optional_if(self, optional: impl Fn(&request::Parts) -> bool + Send + Sync + 'static) -> Self {
        self.set(|door| door.optional_if = Some(Arc::new(optional)))
    }

    /// The greatest time that an authenticator may keep a request waiting; then it is refused, since its credentials
    /// cannot be checked. 5 s unless told. It is measured on tokio's clock.
    pub fn wait(self, wait: Duration) -> Self {
        self.set(|door| door.wait = wait)
    }

    /// The protection space that challenges name (RFC 9110 §11.5).
    ///
    /// # Errors
    /// Where it has other characters than visible ASCII and spaces.
    pub fn realm(mut self, realm: &str) -> Result<Self, ConfigError> {
        self.challenges_mut().realm(realm)?;
        Ok(self)
    }

    /// Where the document is found that says how to get a token (RFC 9728 §5.1), an absolute URL; challenges name it.
    ///
    /// # Errors
    /// Where it is no such URL.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ConfigError> {
        self.challenges_mut().resource_metadata(url)?;
        Ok(self)
    }

    /// Leaves the credentials in the request, marked as sensitive. Otherwise the fields that any authenticator
    /// [reads](Authenticate::reads) are removed, so that a proxy does not hand tokens on by accident.
    pub fn keep_credentials(self) -> Self {
        self.set(|door| door.keeps_credentials = true)
    }

    /// Takes a [`Principal`](crate::Principal) that is in the request's extensions already, such as that of a client
    /// certificate, and asks no authenticator then. Otherwise it is removed.
    pub fn trust_earlier_principal(self) -> Self {
        self.set(|door| door.trusts_principal = true)
    }

    /// Makes the response of a refusal; [`ProblemJson`](crate::ProblemJson) unless told.
    /// [`Refusal::add_headers`](crate::Refusal::add_headers) gives the fields that belong to it.
    pub fn reject_with(self, reject: impl Reject<Denied> + 'static) -> Self {
        self.set(|door| door.reject = Arc::new(reject))
    }

    pub(super) fn challenges(&self) -> Arc<Challenges> {
        Arc::clone(&self.door.challenges)
    }

    fn challenges_mut(&mut self) -> &mut Challenges {
        Arc::make_mut(&mut Arc::make_mut(&mut self.door).challenges)
    }

    fn set(mut self, setting: impl FnOnce(&mut Door)) -> Self {
        setting(Arc::make_mut(&mut self.door));
        self
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticated::new(inner, Arc::clone(&self.door))
    }
}
