//! A service that is written down in the test, and remembers the heads that came: for what is passed on as it comes.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use super::requests::COMPLIANCE;

type Heads = Arc<Mutex<Vec<request::Parts>>>;

/// The running service; it ends with the test.
pub(crate) struct Origin {
    pub(crate) url: String,
    heads: Heads,
}

impl Origin {
    /// Answers each request so.
    pub(crate) async fn start<F>(answer: impl Fn(Request) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let (listener, url) = listen().await;
        let heads = Heads::default();
        let seen = Arc::clone(&heads);
        let service = Router::new().fallback(move |request: Request| {
            let (head, body) = request.into_parts();
            // The gateway asks for figures by itself.
            if head.uri.path() != COMPLIANCE {
                seen.lock().expect("nothing panics while it is held").push(head.clone());
            }
            answer(Request::from_parts(head, body))
        });
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { url, heads }
    }

    /// Says who it is.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::start(move |_| async move { Response::new(Body::from(name)) }).await
    }

    /// The heads so far.
    pub(crate) fn heads(&self) -> Vec<request::Parts> {
        self.heads.lock().expect("nothing panics while it is held").clone()
    }

    /// The last head.
    pub(crate) fn last(&self) -> request::Parts {
        self.heads().pop().expect("it was asked")
    }
}

/// All values of a field, joined.
pub(crate) fn field(head: &request::Parts, name: &str) -> String {
    let values = head.headers.get_all(name).iter();
    values.map(|value| value.to_str().expect("visible text")).collect::<Vec<_>>().join(" | ")
}

#[allow(clippy::unused_async, reason = "as any other way to listen is")]
async fn listen() -> (TcpListener, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    // What the system takes off a service's hands would hide what the gateway does.
    socket.set_send_buffer_size(64 * 1024).expect("a small buffer");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let listener = socket.listen(1024).expect("it is bound");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, url)
}

/// Says exactly these bytes to whoever has sent the head of a request, and closes. Where to find it.
pub(crate) async fn saying(bytes: &'static [u8]) -> String {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                // Whoever has enough of it need not read it all.
                let _ = stream.write_all(bytes).await;
            });
        }
    });
    url
}
