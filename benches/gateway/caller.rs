//! The client: one pooled HTTP client for direct calls and for calls of the gateway.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use integridai_tower::client::IDEMPOTENCY_KEY;
use integridai_tower::client::transport::HyperTransport;
use integridai_tower::{BoxError, CorrelationId};
use tower::{Service, ServiceExt};

const PROVIDER: &[u8] = br#"{"name":"Acme SA","cuit":"30-12345678-9","sector":"tecnologia"}"#;
const EXECUTE: &[u8] = br#"{"workflow":"complete_analysis","payload":{"name":"Acme SA","cuit":"30-12345678-9","sector":"tecnologia"}}"#;

/// Knows where everything is. What it sends to the services is what the gateway sends them.
pub(crate) struct Caller {
    transport: HyperTransport,
    analyze_provider: String,
    update_metrics: String,
    execute: String,
    consolidated: String,
    keys: AtomicU64,
}

impl Caller {
    pub(crate) fn new(regtech: &str, dashboard: &str, gateway: &str) -> Self {
        Self {
            transport: HyperTransport::new(),
            analyze_provider: format!("{regtech}/analyze_provider"),
            update_metrics: format!("{dashboard}/api/update_metrics"),
            execute: format!("{gateway}/api/v1/gateway/execute"),
            consolidated: format!("{gateway}/api/v1/metrics/consolidated"),
            keys: AtomicU64::new(0),
        }
    }

    pub(crate) async fn regtech(&self) -> Bytes {
        self.send(self.effect(&self.analyze_provider, Bytes::from_static(PROVIDER))).await
    }

    pub(crate) async fn dashboard(&self, analysis: &Bytes) -> Bytes {
        const END: &[u8] = br#","timestamp":"2026-11-24T10:00:00.000Z"}"#;
        let body = [br#"{"provider_analysis":"#, &**analysis, END].concat();
        self.send(self.effect(&self.update_metrics, body.into())).await
    }

    pub(crate) async fn complete_analysis(&self) -> Bytes {
        self.send(post(&self.execute, Bytes::from_static(EXECUTE))).await
    }

    pub(crate) async fn consolidated(&self) -> Bytes {
        self.send(Request::get(&self.consolidated).body(Full::default()).expect("a request")).await
    }

    /// A key of its own for each, as for the gateway's calls: a service answers a known key from memory.
    fn effect(&self, url: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = post(url, body);
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        let key = format!("019364e2-7f5c-7c3a-9d5a-{number:012}:direct");
        request.headers_mut().insert(IDEMPOTENCY_KEY, key.parse().expect("visible ASCII"));
        let id = CorrelationId::generate().to_header_value();
        request.headers_mut().insert(CorrelationId::HEADER, id);
        request
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Bytes {
        let mut transport = self.transport.clone();
        let response = transport.ready().await.expect("always ready").call(request).await;
        whole(response.expect("loopback answers")).await
    }
}

fn post(url: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::post(url).header(CONTENT_TYPE, "application/json");
    request.body(Full::new(body)).expect("a request")
}

async fn whole<B>(response: Response<B>) -> Bytes
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let status = response.status();
    let Ok(body) = response.into_body().collect().await else { panic!("the body is cut") };
    let body = body.to_bytes();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    body
}
