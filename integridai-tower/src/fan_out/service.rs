//! One request to several services.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::future::ResponseFuture;
use super::options::{FanOutOptions, Settings};
use super::routes::Routes;
use crate::{BoxError, ConfigError};

/// Asks several services and answers with what they say. See the [module docs](super).
#[derive(Clone)]
pub struct FanOut<R> {
    routes: R,
    settings: Arc<Settings>,
}

impl<R: Routes> FanOut<R> {
    /// Asks these services, a tuple or a `Vec` of [`Route`](super::Route)s.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when there is no route, when two have one name, when there are fewer than the policy wants to succeed, and what
    /// [`Merge::check`](super::Merge::check) says.
    pub fn new(routes: R, options: FanOutOptions) -> Result<Self, ConfigError> {
        let settings = options.into_settings();
        let names = routes.names();
        if names.is_empty() {
            return Err(ConfigError::new("routes", "expected at least one"));
        }
        let is_double = |(index, name): (usize, &&str)| names[..index].contains(name);
        if names.iter().enumerate().any(is_double) {
            return Err(ConfigError::new("routes", "two have the same name"));
        }
        if settings.policy.at_least() > names.len() {
            return Err(ConfigError::new("policy", "more branches have to succeed than there are"));
        }
        settings.merge.check(&names)?;
        drop(names);
        Ok(Self { routes, settings })
    }
}

impl<R> fmt::Debug for FanOut<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<R, B> Service<Request<B>> for FanOut<R>
where
    R: Routes + Clone,
    B: Body<Error: Into<BoxError>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResponseFuture<R, B, Infallible>;

    /// Always: a service that is not ready is waited for by its own branch, within its time.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Each branch makes the clone ready that it calls.
        ResponseFuture::new(request, self.routes.clone(), Arc::clone(&self.settings))
    }
}
