//! Something of all that figures tell of.
use futures_util::StreamExt;
use integridai_gateway::demo::{Failure, Simulators};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Gateway, analysis, ask, client, later, training, within};

/// Somebody with a key.
pub(super) struct Caller<'a> {
    gateway: &'a Gateway,
    key: String,
    client: Client,
}

/// Who follows events for as long as these are there.
pub(super) struct Followers {
    _socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    _streams: [reqwest::Response; 2],
}

impl<'a> Caller<'a> {
    pub(super) fn new(gateway: &'a Gateway, key: &str) -> Self {
        Self { gateway, key: key.to_owned(), client: client() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.gateway.url(path)).header("X-API-Key", &self.key)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        ask(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask(self.request(Method::POST, path).json(body)).await
    }

    async fn execute(&self, body: &Value) -> (u16, Value) {
        self.post("/api/v1/gateway/execute", body).await
    }

    /// The second stream asks for what the log has never had, and is told that it misses something.
    pub(super) async fn follow(&self) -> Followers {
        let url = format!("ws://{}/api/v1/realtime/subscribe", self.gateway.address);
        let mut handshake = url.into_client_request().unwrap();
        handshake.headers_mut().insert("x-api-key", self.key.parse().unwrap());
        let (mut socket, _) =
            within("a handshake", tokio_tungstenite::connect_async(handshake)).await.unwrap();
        within("the first event", socket.next()).await.unwrap().unwrap();
        let stream = async |query: &str| {
            let path = format!("/api/v1/realtime/events{query}");
            let mut answer = self.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            within("the first event", answer.chunk()).await.unwrap().unwrap();
            answer
        };
        let streams = [stream("").await, stream("?cursor=9000000000").await];
        Followers { _socket: socket, _streams: streams }
    }

    /// Once more of everything.
    pub(super) async fn go_on(&self, simulators: &Simulators) {
        assert_eq!(self.execute(&analysis(1)).await.0, 200);
        assert_eq!(self.execute(&later(training(1))).await.0, 202);
        let unknown = json!({"workflow": "training_sync", "payload": {"session_id": "nobody-has-this"}});
        assert_eq!(self.execute(&unknown).await.0, 422);
        for path in ["/api/v1/metrics/consolidated", "/api/v1/metrics/consolidated", "/api/v1/regtech/health"]
        {
            assert_eq!(self.get(path).await.0, 200, "{path}");
        }
        assert_eq!(self.get("/nothing").await.0, 404);
        self.get("/api/v1/gateway/executions").await;
        let event =
            json!({"type": "training.completed", "source": "flaisimulator", "data": training(2)["payload"]});
        let (status, answer) = self.post("/api/v1/events", &event).await;
        assert!((200..300).contains(&status), "{answer}");
        self.break_dashboard(simulators).await;
    }

    /// Until its circuit opens, and once more: then nothing is asked.
    async fn break_dashboard(&self, simulators: &Simulators) {
        simulators.dashboard.control().fail(Failure::reset().times(1_000));
        for _ in 0..3 {
            assert!(self.get("/api/v1/dashboard/health").await.0 >= 500);
        }
    }
}
