//! The only place where types are erased.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use integridai_tower::BoxError;
use integridai_tower::client::transport::TransportError;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// Carries calls to a service, whatever HTTP client is below.
pub type Transport =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<UnsyncBoxBody<Bytes, TransportError>>, TransportError>;

pub(super) fn transport<S, B>(service: S) -> Transport
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = TransportError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    BoxCloneSyncService::new(service.map_response(|response: Response<B>| {
        response.map(|body| body.map_err(|error| TransportError::Exchange(error.into())).boxed_unsync())
    }))
}
