//! A subscriber that gets every event once and in order, from a gateway that is restarted meanwhile.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use integridai_gateway::api::Scope;
use integridai_gateway::app::{self, App, Grant};
use integridai_gateway::config::Config;
use integridai_tower::BoxError;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Follows events over a WebSocket; after a lost connection it goes on where it left.
struct Follower {
    url: String,
    key: String,
    /// The last event that was seen.
    cursor: u64,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    attempts: u32,
}

/// The gateway pings every 30 s: whoever hears nothing for longer talks to nobody.
const SILENCE: Duration = Duration::from_secs(75);

impl Follower {
    fn new(url: String, key: &str, cursor: u64) -> Self {
        Self { url, key: key.to_owned(), cursor, socket: None, attempts: 0 }
    }

    /// The next event. An error is for good: the gateway refuses, and would again.
    async fn next(&mut self) -> Result<Value, BoxError> {
        loop {
            let Some(socket) = &mut self.socket else {
                self.connect().await?;
                continue;
            };
            match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let event: Value = serde_json::from_str(&text)?;
                    self.attempts = 0;
                    match event["cursor"].as_u64() {
                        Some(cursor) if cursor <= self.cursor => {}
                        Some(cursor) => {
                            self.cursor = cursor;
                            return Ok(event);
                        }
                        // A notice, such as of events that are no longer in the log.
                        None => println!("{}", event["data"]["message"]),
                    }
                }
                // Pings are answered by the socket.
                Ok(Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                ))) => {}
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => self.socket = None,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), BoxError> {
        sleep(pause(self.attempts)).await;
        self.attempts += 1;
        let url = format!("{}&overflow=disconnect&cursor={}", self.url, self.cursor);
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("x-api-key", self.key.parse()?);
        match connect_async(request).await {
            Ok((socket, _)) => self.socket = Some(socket),
            Err(Error::Http(answer)) if answer.status().is_client_error() && answer.status() != 429 => {
                return Err(format!("refused: {}", answer.status()).into());
            }
            // It may be back soon.
            Err(_) => {}
        }
        Ok(())
    }
}

/// Nothing before the first attempt, then up to 0.2, 0.4, 0.8 … 10 seconds: somewhere in between, so that those that lost
/// the same gateway do not come back all at once.
fn pause(attempts: u32) -> Duration {
    let most = match attempts {
        0 => 0,
        attempts => (100_u64 << attempts.min(10)).min(10_000),
    };
    // The last bits of a UUID of version 7 are random.
    let chance = uuid::Uuid::now_v7().as_u128() as u16;
    Duration::from_millis(most / 2 + most * u64::from(chance) / (2 * u64::from(u16::MAX)))
}

struct Gateway {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), BoxError>>,
}

impl Gateway {
    async fn start(config: Config) -> Result<(Self, SocketAddr), BoxError> {
        let app = App::build(config).await?;
        let address = app.address();
        let (stop, told) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            app.run(async { drop(told.await) }).await?;
            Ok(())
        });
        Ok((Self { stop, running }, address))
    }

    async fn stop(self) -> Result<(), BoxError> {
        drop(self.stop);
        self.running.await?
    }
}

fn config(database: &Path) -> Result<(Config, String), BoxError> {
    let settings = [
        ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("INTEGRIDAI_DATABASE__PATH", database.display().to_string()),
    ];
    let mut config = Config::load(None, settings.map(|(key, value)| (key.to_owned(), value)))?;
    let scopes = vec![Scope::EventsRead, Scope::EventsWrite];
    let grant = Grant { subject: "example".to_owned(), scopes, lifetime: None };
    let minted = app::mint_api_key(&config.auth, &grant)?;
    config.auth.api_keys.insert("example".to_owned(), minted.record);
    Ok((config, minted.key))
}

/// As a service would. One that gets no answer can send the same again: each `source` and `id` is taken once.
async fn publish(address: SocketAddr, key: &str, number: u32) -> Result<(), BoxError> {
    let event = json!({"type": "training.completed", "source": "flaisimulator", "id": format!("session-{number}"),
        "data": {"session": number}});
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.post(format!("http://{address}/api/v1/events")).header("x-api-key", key);
    request.json(&event).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let (mut config, key) = config(&folder.path().join("gateway.db"))?;
    let (gateway, address) = Gateway::start(config.clone()).await?;
    config.server.listen = address;

    let url = format!("ws://{address}/api/v1/realtime/subscribe?topics=training.completed");
    let mut follower = Follower::new(url, &key, 0);
    let following = tokio::spawn(async move {
        let mut sessions = Vec::new();
        while sessions.len() < 30 {
            let event = follower.next().await?;
            println!("{} {}", event["cursor"], event["data"]);
            sessions.push(event["data"]["session"].as_u64());
        }
        Ok::<_, BoxError>(sessions)
    });
    for number in 0..10 {
        publish(address, &key, number).await?;
    }
    gateway.stop().await?;
    println!("the gateway is gone, and comes back");
    let (gateway, _) = Gateway::start(config).await?;
    for number in 10..30 {
        publish(address, &key, number).await?;
        // Somebody repeats what was answered already.
        publish(address, &key, number).await?;
    }
    let sessions = following.await??;
    assert_eq!(sessions, (0..30).map(Some).collect::<Vec<_>>(), "each once, and in order");
    gateway.stop().await
}
