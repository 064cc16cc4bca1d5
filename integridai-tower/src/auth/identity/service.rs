use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::layer::Fields;

/// The service of [`ForwardIdentityLayer`](super::ForwardIdentityLayer).
#[derive(Debug, Clone)]
pub struct IdentityForwarded<S> {
    inner: S,
    fields: Arc<Fields>,
}

impl<S> IdentityForwarded<S> {
    pub(super) fn new(inner: S, fields: Arc<Fields>) -> Self {
        Self { inner, fields }
    }
}

impl<S, B> Service<Request<B>> for IdentityForwarded<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        self.fields.put(&mut head.headers, &head.extensions);
        self.inner.call(Request::from_parts(head, body))
    }
}
