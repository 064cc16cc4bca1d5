//! The only place where types are erased.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use integridai_tower::BoxError;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::outgoing::Outgoing;

/// Carries calls to a service, whatever HTTP client and whatever layers are below.
pub type Transport = BoxCloneSyncService<Request<Full<Bytes>>, Response<UpstreamBody>, UpstreamError>;

/// Carries what clients send to a service, as it comes.
pub type StreamingTransport = BoxCloneSyncService<Request<Outgoing>, Response<UpstreamBody>, UpstreamError>;

/// What a service answers.
pub type UpstreamBody = UnsyncBoxBody<Bytes, UpstreamError>;

/// A call that failed, with whatever it died of as its source.
#[derive(Debug, thiserror::Error)]
#[error("the call failed")]
pub struct UpstreamError(#[source] BoxError);

pub(super) fn transport<S, B>(service: S) -> Transport
where
    S: Service<Request<Outgoing>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let whole = |request: Request<Full<Bytes>>| request.map(Outgoing::Whole);
    BoxCloneSyncService::new(erased(service).map_request(whole))
}

pub(super) fn streaming_transport<S, B>(service: S) -> StreamingTransport
where
    S: Service<Request<Outgoing>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    BoxCloneSyncService::new(erased(service))
}

fn erased<S, B>(
    service: S,
) -> impl Service<
    Request<Outgoing>,
    Response = Response<UpstreamBody>,
    Error = UpstreamError,
    Future: Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static
where
    S: Service<Request<Outgoing>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    service.map_err(|error| UpstreamError(error.into())).map_response(|response: Response<B>| {
        response.map(|body| body.map_err(|error| UpstreamError(error.into())).boxed_unsync())
    })
}
