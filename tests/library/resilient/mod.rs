//! The layers that make a client resilient: over a probe, over what fails on purpose, and over real sockets.

mod causes;
mod contract;
mod deadline;
mod edges;
mod hedge;
mod retry;
mod sockets;
mod storm;
mod tail;

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use integridai_tower::client::transport::TransportError;
use tokio::time::Instant;
use tower::{Service, service_fn};

use crate::endpoint::{Answer, answer, asking_for_patience};

type Sent = Request<Full<Bytes>>;

const SECOND: Duration = Duration::from_secs(1);

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn asking(method: Method) -> Sent {
    let mut request = Request::new(Full::from("question"));
    *request.method_mut() = method;
    request
}

/// What came in, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(u128, Sent)>>>);

impl Log {
    /// Takes up a request, and tells its number from 1.
    fn take(&self, since: Instant, request: Sent) -> usize {
        let mut log = self.0.lock().unwrap();
        log.push((since.elapsed().as_millis(), request));
        log.len()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn drain(&self) -> Vec<(u128, Sent)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// When the requests came, in milliseconds.
    fn times(&self) -> Vec<u128> {
        self.0.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// What the requests said in this field.
    fn fields(&self, name: &str) -> Vec<String> {
        let text =
            |request: &Sent| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        self.0.lock().unwrap().iter().map(|(_, request)| text(request).unwrap_or_default()).collect()
    }
}

/// A service that logs what comes, and answers the nth request by the nth script; the last one goes for all that follow.
fn scripted(
    log: &Log,
    scripts: &[Script],
) -> impl Service<Sent, Response = Answer, Error = Failure, Future: Send> + Clone + use<> {
    let (log, scripts, start) = (log.clone(), scripts.to_vec(), Instant::now());
    service_fn(move |request: Sent| {
        let number = log.take(start, request);
        let script = scripts[number.min(scripts.len()) - 1].clone();
        async move {
            match script {
                Script::Status(status) => Ok(answer(status, format!("answer {number}"))),
                Script::Patience(status, text) => Ok(asking_for_patience(status, &text)),
                Script::Error(kind) => Err(kind.into()),
                Script::Hang => pending().await,
                Script::After(pause, status) => {
                    tokio::time::sleep(pause).await;
                    Ok(answer(status, format!("answer {number}")))
                }
                Script::FailAfter(pause) => {
                    tokio::time::sleep(pause).await;
                    Err(Kind::Exchange.into())
                }
            }
        }
    })
}

#[derive(Clone, Debug)]
enum Script {
    Status(u16),
    /// With `Retry-After`.
    Patience(u16, String),
    Error(Kind),
    Hang,
    After(Duration, u16),
    FailAfter(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Connect,
    Invalid,
    Exchange,
    Unknown,
    /// The greeting of another protocol.
    Disagreement,
}

/// An error of the innermost service, as transports have them or not.
#[derive(Debug)]
enum Failure {
    Transport(TransportError),
    Unknown,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed")
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            Self::Unknown => None,
        }
    }
}

impl From<Kind> for Failure {
    fn from(kind: Kind) -> Self {
        Self::Transport(match kind {
            Kind::Connect => TransportError::Connect("nobody listens".into()),
            Kind::Invalid => TransportError::Invalid("no host".into()),
            Kind::Exchange => TransportError::Exchange("reset".into()),
            Kind::Unknown => return Self::Unknown,
            Kind::Disagreement => {
                let greeting = std::io::Error::new(std::io::ErrorKind::InvalidData, "not TLS");
                TransportError::Connect(greeting.into())
            }
        })
    }
}

async fn text(response: Answer) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
