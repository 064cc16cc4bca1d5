//! A client that holds every answer of the gateway against the OpenAPI document.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::RequestBuilder;
use serde_json::Value;

use super::{document, until, within};

pub(crate) const EXECUTE: &str = "/api/v1/gateway/execute";
pub(crate) const EXECUTIONS: &str = "/api/v1/gateway/executions";
pub(crate) const CONSOLIDATED: &str = "/api/v1/metrics/consolidated";
pub(crate) const SUBSCRIBE: &str = "/api/v1/realtime/subscribe";
pub(crate) const HEALTH: &str = "/api/v1/health";

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
    is_documented: bool,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::over(address, reqwest::Client::builder())
    }

    /// Speaks HTTP/2 from the first byte (RFC 9113 §3.3).
    pub(crate) fn http2(address: SocketAddr) -> Self {
        Self::over(address, reqwest::Client::builder().http2_prior_knowledge())
    }

    /// From an address of this machine's own choosing.
    pub(crate) fn from_own(address: SocketAddr, own: std::net::Ipv4Addr) -> Self {
        Self::over(address, reqwest::Client::builder().local_address(Some(own.into())))
    }

    fn over(address: SocketAddr, builder: reqwest::ClientBuilder) -> Self {
        let http = builder.no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { address, http: http.expect("a client without TLS can be built"), is_documented: true }
    }

    /// Of the listener for operators, which the document is not about.
    pub(crate) fn of_admin(address: SocketAddr) -> Self {
        Self { is_documented: false, ..Self::new(address) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request that can be made");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = within(self.http.execute(request)).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = within(response.bytes()).await.expect("the answer's end");
        let answer = Answer { status, headers, body };
        if self.is_documented {
            document::check(&method, &path, &answer);
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn execute(&self, request: &Value) -> Answer {
        self.send(self.request(Method::POST, EXECUTE).json(request)).await
    }

    /// Sends text as JSON, whatever it is.
    pub(crate) async fn execute_text(&self, text: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, EXECUTE).header("content-type", "application/json");
        self.send(request.body(text)).await
    }

    /// Hands in an execution for later; its id.
    pub(crate) async fn enqueue(&self, request: &Value) -> String {
        let answer = self.execute(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["workflow_id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn execution(&self, id: &str) -> Answer {
        self.get(&format!("{EXECUTIONS}/{id}")).await
    }

    /// Waits until the execution has this status; the whole of it.
    pub(crate) async fn execution_that(&self, id: &str, status: &str) -> Value {
        let what = format!("an execution that is {status}");
        until(&what, async || {
            let answer = self.execution(id).await;
            (answer.status == 200).then(|| answer.json()).filter(|found| found["status"] == status)
        })
        .await
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible text"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }

    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The problem document (RFC 9457), which has to be one, and complete.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank", "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["correlation_id"], self.header("x-correlation-id"), "{problem}");
        for member in ["title", "detail", "instance"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        self.reveals_nothing();
        problem
    }

    /// A failed `execute`: a problem document that also has the published members.
    pub(crate) fn failure(&self, status: u16, workflow: Option<&str>) -> Value {
        let problem = self.problem(status);
        assert_eq!(problem["instance"], EXECUTE, "{problem}");
        assert_eq!(problem["success"], false, "{problem}");
        assert_eq!(problem["error"], problem["detail"], "{problem}");
        assert_eq!(problem["workflow"].as_str(), workflow, "{problem}");
        assert!(problem.get("workflow_id").is_some(), "{problem}");
        problem
    }

    /// Nothing of the inside: addresses, types, files, what a library says.
    fn reveals_nothing(&self) {
        let text = self.text().to_ascii_lowercase();
        for inner in ["127.0.0.1", "localhost", "::", "hyper", "reqwest", "tokio", "os error", "panicked"] {
            assert!(!text.contains(inner), "{inner} is told: {text}");
        }
        for inner in ["error(", "error {", ".rs", "sqlite", "some(", "none)", "kind:"] {
            assert!(!text.contains(inner), "{inner} is told: {text}");
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.body);
        let shown: String = text.chars().take(2_000).collect();
        write!(formatter, "{} {:?} {shown}", self.status, self.headers)
    }
}
