//! The only place where types are erased.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use integridai_tower::BoxError;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// Carries calls to a service, whatever HTTP client and whatever layers are below.
pub type Transport =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<UnsyncBoxBody<Bytes, UpstreamError>>, UpstreamError>;

/// A call that failed, with whatever it died of as its source.
#[derive(Debug, thiserror::Error)]
#[error("the call failed")]
pub struct UpstreamError(#[source] BoxError);

pub(super) fn transport<S, B>(service: S) -> Transport
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service.map_err(|error| UpstreamError(error.into()));
    BoxCloneSyncService::new(service.map_response(|response: Response<B>| {
        response.map(|body| body.map_err(|error| UpstreamError(error.into())).boxed_unsync())
    }))
}
