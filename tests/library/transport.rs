//! Both transports as one type, so that each test runs over either.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use integridai_tower::BoxError;
use integridai_tower::client::transport::{HyperTransport, ReqwestTransport, TransportError};
use tower::Service;

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are two of it")]
pub(crate) enum Transport {
    Hyper(HyperTransport),
    Reqwest(ReqwestTransport),
}

/// Each with a pool of its own.
pub(crate) fn transports() -> [Transport; 2] {
    let reqwest = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let reqwest = ReqwestTransport::new(reqwest.build().expect("no TLS is needed"));
    [Transport::Hyper(HyperTransport::new()), Transport::Reqwest(reqwest)]
}

type Body = UnsyncBoxBody<Bytes, BoxError>;

fn boxed<B>(response: Response<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

impl Service<Request<Full<Bytes>>> for Transport {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, TransportError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        match self {
            Self::Hyper(transport) => transport.poll_ready(context),
            Self::Reqwest(transport) => Service::<Request<Full<Bytes>>>::poll_ready(transport, context),
        }
    }

    fn call(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'static, Result<Self::Response, TransportError>> {
        match self {
            Self::Hyper(transport) => transport.call(request).map_ok(boxed).boxed(),
            Self::Reqwest(transport) => transport.call(request).map_ok(boxed).boxed(),
        }
    }
}
