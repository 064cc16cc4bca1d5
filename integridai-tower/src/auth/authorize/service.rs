use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::layer::Rules;
use crate::{EarlyBody, EarlyResponse};

/// The service of [`AuthorizeLayer`](super::AuthorizeLayer).
#[derive(Debug, Clone)]
pub struct Authorized<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Authorized<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Authorized<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
{
    type Response = Response<EarlyBody<ResponseBody>>;
    type Error = S::Error;
    type Future = EarlyResponse<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        match self.rules.refusal(&head) {
            None => EarlyResponse::inner(self.inner.call(Request::from_parts(head, body))),
            Some(response) => EarlyResponse::early(response),
        }
    }
}
