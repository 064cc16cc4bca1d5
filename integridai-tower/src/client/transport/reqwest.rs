//! A `reqwest::Client` as a Tower service of `http` types.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::TransportError;
use crate::BoxError;

/// Sends calls through a `reqwest::Client` of yours, with its TLS, proxies and pools.
///
/// Build the client with `redirect(Policy::none())`: a service that moved should be configured, not followed.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Sends through `client`.
    #[must_use]
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl<B> Service<Request<B>> for ReqwestTransport
where
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<reqwest::Body>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = self.client.clone();
        ResponseFuture(Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap));
            let response = client.execute(request.map_err(into_error)?).await.map_err(into_error)?;
            Ok(response.into())
        }))
    }
}

fn into_error(error: reqwest::Error) -> TransportError {
    if error.is_connect() {
        TransportError::Connect(error.without_url().into())
    } else if error.is_builder() {
        TransportError::Invalid(error.without_url().into())
    } else {
        TransportError::Exchange(error.without_url().into())
    }
}

type Exchange = dyn Future<Output = Result<Response<reqwest::Body>, TransportError>> + Send;

/// The response to come.
pub struct ResponseFuture(Pin<Box<Exchange>>);

impl Future for ResponseFuture {
    type Output = Result<Response<reqwest::Body>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl std::fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
