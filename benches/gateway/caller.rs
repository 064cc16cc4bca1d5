//! A client: one pooled HTTP client for direct calls and for calls of the gateway.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use integridai_tower::client::IDEMPOTENCY_KEY;
use integridai_tower::client::transport::TransportError;
use integridai_tower::{BoxError, CorrelationId};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::rig::Urls;

const PROVIDER: &[u8] = br#"{"name":"Acme SA","cuit":"30-12345678-9","sector":"tecnologia"}"#;
const EXECUTE: &[u8] = br#"{"workflow":"complete_analysis","payload":{"name":"Acme SA","cuit":"30-12345678-9","sector":"tecnologia"}}"#;

type Transport =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<UnsyncBoxBody<Bytes, BoxError>>, TransportError>;

/// Knows where everything is. What it sends to the services is what the gateway sends them.
pub(crate) struct Caller {
    transport: Transport,
    analyze_provider: String,
    update_metrics: String,
    execute: String,
    consolidated: String,
}

impl Caller {
    pub(crate) fn new<S, B>(transport: S, urls: &Urls) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = TransportError>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let Urls { regtech, dashboard, gateway } = urls;
        let boxed = |response: Response<B>| response.map(|body| body.map_err(Into::into).boxed_unsync());
        Self {
            transport: BoxCloneSyncService::new(transport.map_response(boxed)),
            analyze_provider: format!("{regtech}/analyze_provider"),
            update_metrics: format!("{dashboard}/api/update_metrics"),
            execute: format!("{gateway}/api/v1/gateway/execute"),
            consolidated: format!("{gateway}/api/v1/metrics/consolidated"),
        }
    }

    pub(crate) async fn regtech(&self) -> Bytes {
        self.send(Self::effect(&self.analyze_provider, Bytes::from_static(PROVIDER))).await
    }

    pub(crate) async fn dashboard(&self, analysis: &Bytes) -> Bytes {
        const END: &[u8] = br#","timestamp":"2026-11-24T10:00:00.000Z"}"#;
        let body = [br#"{"provider_analysis":"#, &**analysis, END].concat();
        self.send(Self::effect(&self.update_metrics, body.into())).await
    }

    pub(crate) async fn complete_analysis(&self) -> Bytes {
        self.send(post(&self.execute, Bytes::from_static(EXECUTE))).await
    }

    pub(crate) async fn consolidated(&self) -> Bytes {
        self.send(Request::get(&self.consolidated).body(Full::default()).expect("a request")).await
    }

    /// A key of its own for each, as for the gateway's calls: a service answers a known key from memory.
    fn effect(url: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = post(url, body);
        let key = format!("{}:direct", uuid::Uuid::now_v7());
        request.headers_mut().insert(IDEMPOTENCY_KEY, key.parse().expect("visible ASCII"));
        let id = CorrelationId::generate().to_header_value();
        request.headers_mut().insert(CorrelationId::HEADER, id);
        request
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Bytes {
        let mut transport = self.transport.clone();
        let response = transport.ready().await.expect("always ready").call(request).await;
        let (head, body) = response.expect("loopback answers").into_parts();
        let body = body.collect().await.expect("the body is whole").to_bytes();
        assert_eq!(head.status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        body
    }
}

fn post(url: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::post(url).header(CONTENT_TYPE, "application/json");
    request.body(Full::new(body)).expect("a request")
}
