//! An issuer with a server of its own: keys, tokens, and every way in which the endpoint can fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integridai_tower::auth::jwt::{Algorithm, Issuer, Signer, Validator};
use integridai_tower::auth::{Attempt, Decision, RemoteKeys, RemoteKeysOptions, TokenVerifier};
use integridai_tower::client::transport::HyperTransport;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::peer::{Connection, Peer};

pub(crate) const ISSUER: &str = "https://id.test";

/// How the endpoint answers from now on.
#[derive(Clone)]
pub(crate) enum Answer {
    Json(Value),
    Text(&'static str),
    /// A head and so many bytes.
    Bytes(usize),
    Never,
}

pub(crate) struct KeyServer {
    peer: Peer,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let answer = Arc::new(Mutex::new(answer));
        let asked = Arc::new(AtomicUsize::new(0));
        let (says, counts) = (Arc::clone(&answer), Arc::clone(&asked));
        let peer =
            Peer::start(move |connection| converse(connection, Arc::clone(&says), Arc::clone(&counts)));
        Self { peer: peer.await, answer, asked }
    }

    pub(crate) fn url(&self) -> String {
        self.peer.url()
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn converse(mut connection: Connection, answer: Arc<Mutex<Answer>>, asked: Arc<AtomicUsize>) {
    while connection.request().await.is_some() {
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = answer.lock().unwrap().clone();
        let text = match answer {
            Answer::Json(body) => said(&body.to_string()),
            Answer::Text(text) => text.to_owned(),
            Answer::Bytes(length) => said(&" ".repeat(length)),
            Answer::Never => std::future::pending().await,
        };
        connection.say(text).await;
    }
}

fn said(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A set of these signers' keys.
pub(crate) fn set(signers: &[&Signer]) -> Answer {
    let keys: Vec<Value> = signers.iter().filter_map(|signer| signer.public_jwk()).collect();
    Answer::Json(json!({ "keys": keys }))
}

pub(crate) fn signer() -> Signer {
    Signer::generate(Algorithm::Es256).expect("the system has random numbers")
}

pub(crate) fn token(signer: &Signer, subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({ "iss": ISSUER, "aud": "api", "sub": subject, "iat": now, "exp": now + 600 });
    signer.sign(&claims).expect("an object")
}

/// Keys that are fetched as long as this is there, and a verifier with them.
pub(crate) struct Fetching {
    pub(crate) keys: RemoteKeys,
    pub(crate) tokens: TokenVerifier,
    task: JoinHandle<()>,
}

impl Fetching {
    pub(crate) async fn from(server: &KeyServer) -> Self {
        Self::with(RemoteKeys::jwks(server.url()).cooldown(Duration::ZERO)).await
    }

    /// Has made its first attempt.
    pub(crate) async fn with(options: RemoteKeysOptions) -> Self {
        let (keys, refresh) = options.build(HyperTransport::new()).expect("the URL is right");
        let issuer = Issuer::new(ISSUER).audience("api").keys_from(keys.clone());
        let tokens = TokenVerifier::new(Validator::new([issuer]).expect("it is complete"));
        let fetching = Self { keys, tokens, task: tokio::spawn(refresh) };
        while fetching.keys.status().attempts == 0 || !fetching.settled() {
            tokio::task::yield_now().await;
        }
        fetching
    }

    /// From now on nobody fetches.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    fn settled(&self) -> bool {
        let status = self.keys.status();
        status.is_ready() || status.last_error.is_some()
    }

    /// Whom a token speaks for, after waiting if that is called for.
    pub(crate) async fn decide(&self, token: &str) -> Decision {
        match self.tokens.verify(token) {
            Attempt::Decided(decision) => decision,
            Attempt::Waiting(decision) => decision.await,
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.task.abort();
    }
}
