//! A service that answers one thing, and remembers what it was asked: for answers that the simulators never give.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

/// The running service; it ends with the test.
pub(crate) struct Stub {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Answers each request so.
    pub(crate) async fn start(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (status, body) = (StatusCode::from_u16(status).expect("a status"), body.to_owned());
        let recorded = Arc::clone(&seen);
        let answer = move |request: Request| answer(request, Arc::clone(&recorded), status, body.clone());
        let service = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { url, seen }
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nothing panics while it is held").clone()
    }

    /// The only request on this path.
    pub(crate) fn only(&self, path: &str) -> Seen {
        let mut seen = self.seen().into_iter().filter(|seen| seen.path == path);
        let first = seen.next().unwrap_or_else(|| panic!("nobody asked for {path}"));
        assert!(seen.next().is_none(), "{path} was asked for more than once");
        first
    }
}

async fn answer(
    request: Request,
    seen: Arc<Mutex<Vec<Seen>>>,
    status: StatusCode,
    answer: String,
) -> Response {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("the request arrives");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = head.uri.path().to_owned();
    seen.lock().expect("nothing panics while it is held").push(Seen {
        path,
        headers: head.headers,
        body,
        text,
    });
    (status, [("content-type", "application/json")], answer).into_response()
}
