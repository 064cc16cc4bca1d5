//! A Dashboard that remembers every byte it is sent.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::within;

/// One update, as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) idempotency_key: String,
    pub(crate) authorization: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
struct Shared {
    updates: watch::Sender<Vec<Update>>,
    silent: AtomicBool,
}

/// Dropping it takes it down.
#[derive(Debug)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared { updates: watch::Sender::default(), silent: AtomicBool::new(false) });
        let routes = Router::new().route("/api/update_metrics", post(update)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { shared, address, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes updates from now on without ever answering, or answers again.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::SeqCst);
    }

    /// Waits until there are so many.
    pub(crate) async fn updates(&self, count: usize) -> Vec<Update> {
        let mut updates = self.shared.updates.subscribe();
        let enough = within("updates of the dashboard", updates.wait_for(|seen| seen.len() >= count)).await;
        enough.expect("the recorder holds the other end").clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn update(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let text = |name| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let update = Update {
        idempotency_key: text("idempotency-key").expect("an effect has a key"),
        authorization: text("authorization"),
        traceparent: text("traceparent"),
        body,
    };
    shared.updates.send_modify(|updates| updates.push(update));
    if shared.silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    Json(json!({"success": true}))
}
