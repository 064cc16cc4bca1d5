//! What can happen on a socket, below the whole stack and over both transports: what error it is, how often it was tried,
//! and that no connection is left behind.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use http_body::Body;
use integridai_tower::Attempts;
use integridai_tower::BoxError;
use integridai_tower::circuit_breaker::{CircuitBreakerError, CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer, DeadlinePassed};
use integridai_tower::client::hedge::HedgeOptions;
use integridai_tower::client::retry::RetryOptions;
use integridai_tower::client::transport::TransportError;
use integridai_tower::client::{AttemptBudget, ClientError, ErrorKind};
use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt};

use super::*;
use crate::peer::{Connection, Peer, nobody, soon};
use crate::transport::{Transport, transports};

/// What one attempt of a peer that hangs is given.
const SHORT: Duration = Duration::from_millis(100);
/// What one attempt of any other peer is given: more than it takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(8);

type Outer = DeadlineError<CircuitBreakerError<DeadlineError<TransportError>>>;

fn stack(
    transport: Transport,
    time: Duration,
) -> impl Service<Sent, Response = Response<impl Body<Data = Bytes, Error: Into<BoxError>>>, Error = Outer> + Clone
{
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    let retry = RetryOptions::new().backoff(milliseconds(1), milliseconds(2)).budget(budget).build().unwrap();
    let circuit = CircuitOptions::new().build("peer").unwrap();
    ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND * 10).without_fields())
        .layer(retry)
        .layer(HedgeOptions::new().until_known(LONG).build().unwrap())
        .layer(CircuitBreakerLayer::new(circuit))
        .layer(DeadlineLayer::new(time))
        .service(transport)
}

/// How a request ends, and after how many attempts if there was a response.
async fn end(
    url: &str,
    method: Method,
    (transport, time): (Transport, Duration),
) -> Result<(u16, u32, Result<Bytes, BoxError>), Outer> {
    let mut request = asking(method);
    *request.uri_mut() = format!("{url}/thing").parse().unwrap();
    let response = soon(stack(transport, time).oneshot(request)).await?;
    let attempts = Attempts::of(response.extensions()).count();
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await;
    Ok((status, attempts, body.map(http_body_util::Collected::to_bytes).map_err(Into::into)))
}

/// A peer that deals with each request so, and counts the connections that are over.
async fn peer(deal: fn(Connection) -> futures_util::future::BoxFuture<'static, ()>) -> (Peer, Arc<Over>) {
    let over = Arc::new(Over::default());
    let count = Arc::clone(&over);
    let peer = Peer::start(move |connection| {
        let count = Arc::clone(&count);
        async move {
            deal(connection).await;
            count.add();
        }
    });
    (peer.await, over)
}

#[derive(Default)]
struct Over {
    count: AtomicUsize,
    changed: Notify,
}

impl Over {
    fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// Waits until so many connections are over.
    async fn reaches(&self, count: usize) {
        while self.count.load(Ordering::SeqCst) < count {
            soon(self.changed.notified()).await;
        }
    }
}

fn say(text: &'static str) -> impl Fn(Connection) -> futures_util::future::BoxFuture<'static, ()> {
    move |mut connection| {
        Box::pin(async move { while connection.request().await.is_some() && connection.say(text).await {} })
    }
}

const POST_AND_GET: [(Method, usize); 2] = [(Method::POST, 1), (Method::GET, 3)];

#[tokio::test]
async fn a_peer_that_hangs_is_given_up_attempt_by_attempt() {
    for transport in transports() {
        for (method, attempts) in POST_AND_GET {
            let (peer, over) =
                peer(|mut connection| Box::pin(async move { connection.closed().await })).await;
            let error = end(&peer.url(), method, (transport.clone(), SHORT)).await.unwrap_err();
            let passed = matches!(
                error,
                DeadlineError::Inner(CircuitBreakerError::Inner(DeadlineError::Passed(passed))) if passed.after <= SHORT
            );
            assert!(passed, "{error:?}");
            // A second attempt of the first may have been made just before its time was up.
            assert!(
                (attempts..=attempts + 1).contains(&peer.accepted()),
                "{} of {attempts}",
                peer.accepted()
            );
            over.reaches(peer.accepted()).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_broken_and_tried_again_where_harmless() {
    for transport in transports() {
        for (method, attempts) in POST_AND_GET {
            let (peer, _) = peer(|mut connection| {
                Box::pin(async move {
                    connection.request().await;
                    connection.reset();
                })
            })
            .await;
            let error = end(&peer.url(), method, (transport.clone(), LONG)).await.unwrap_err();
            assert!(is_exchange(&error), "{error:?}");
            assert_eq!(peer.accepted(), attempts);
        }
    }
}

fn inner(error: &Outer) -> Option<&TransportError> {
    match error {
        DeadlineError::Inner(CircuitBreakerError::Inner(DeadlineError::Inner(error))) => Some(error),
        _ => None,
    }
}

fn is_exchange(error: &Outer) -> bool {
    matches!(inner(error), Some(TransportError::Exchange(_)))
}

fn is_connect(error: &Outer) -> bool {
    matches!(inner(error), Some(TransportError::Connect(_)))
}

#[tokio::test]
async fn a_body_that_hangs_is_an_error_of_the_body_and_is_not_tried_again() {
    for transport in transports() {
        let (peer, over) = peer(|mut connection| {
            Box::pin(async move {
                connection.request().await;
                connection.say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow").await;
                connection.closed().await;
            })
        })
        .await;
        let (status, attempts, body) = end(&peer.url(), Method::GET, (transport, SHORT * 5)).await.unwrap();
        assert_eq!((status, attempts, peer.accepted()), (200, 1, 1));
        assert!(body.unwrap_err().is::<DeadlinePassed>());
        over.reaches(1).await;
    }
}

#[tokio::test]
async fn a_peer_that_answers_500_is_asked_again_where_harmless() {
    for transport in transports() {
        for (method, attempts) in POST_AND_GET {
            let requests = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&requests);
            let peer = Peer::start(move |mut connection: Connection| {
                let count = Arc::clone(&count);
                async move {
                    while connection.request().await.is_some() {
                        count.fetch_add(1, Ordering::SeqCst);
                        connection
                            .say("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\nsick")
                            .await;
                    }
                }
            })
            .await;
            let (status, made, body) = end(&peer.url(), method, (transport.clone(), LONG)).await.unwrap();
            assert_eq!((status, made as usize, &body.unwrap()[..]), (500, attempts, &b"sick"[..]));
            assert_eq!(requests.load(Ordering::SeqCst), attempts);
        }
    }
}

#[tokio::test]
async fn a_peer_that_asks_for_patience_is_given_it_or_not_asked_again() {
    for transport in transports() {
        let (peer_now, _) = peer(|connection| {
            say("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n")(connection)
        })
        .await;
        let (status, attempts, _) =
            end(&peer_now.url(), Method::POST, (transport.clone(), LONG)).await.unwrap();
        assert_eq!((status, attempts), (429, 3));
        let (peer_later, _) = peer(|connection| {
            say("HTTP/1.1 429 Too Many Requests\r\nretry-after: 20\r\ncontent-length: 0\r\n\r\n")(connection)
        })
        .await;
        // There are 10 s in all.
        let (status, attempts, _) = end(&peer_later.url(), Method::POST, (transport, LONG)).await.unwrap();
        assert_eq!((status, attempts, peer_later.accepted()), (429, 1, 1));
    }
}

#[tokio::test]
async fn nobody_and_a_name_of_nobody_are_no_connection_and_tried_again() {
    let (_socket, nobody) = nobody();
    // No label is longer than 63 (RFC 1035 §2.3.4): the resolver knows without asking anybody.
    let unknown = format!("http://{}.invalid", "n".repeat(64));
    for url in [&nobody, &unknown] {
        for transport in transports() {
            let heard = Arc::new(AtomicUsize::new(0));
            let ear = Arc::clone(&heard);
            let retry = RetryOptions::new().backoff(Duration::ZERO, Duration::ZERO);
            let retry = retry.on_attempt(move |_| {
                ear.fetch_add(1, Ordering::SeqCst);
            });
            let retry = retry.build().unwrap();
            let service =
                ServiceBuilder::new().layer(retry).layer(DeadlineLayer::new(SECOND * 5)).service(transport);
            let mut request = asking(Method::POST);
            *request.uri_mut() = format!("{url}/").parse().unwrap();
            let error = soon(service.oneshot(request)).await.unwrap_err();
            assert!(matches!(error, DeadlineError::Inner(TransportError::Connect(_))), "{error:?}");
            assert_eq!(heard.load(Ordering::SeqCst), 3, "{url}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_is_no_connection() {
    let [_, reqwest] = transports();
    let (peer, _) = peer(|mut connection| {
        Box::pin(async move {
            connection.say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            connection.closed().await;
        })
    })
    .await;
    let url = peer.url().replace("http://", "https://");
    let error = end(&url, Method::POST, (reqwest, LONG)).await.unwrap_err();
    assert!(is_connect(&error), "{error:?}");
    // Where reqwest has no TLS it does not even connect; where it has, what the peer says will not change.
    assert!(peer.accepted() <= 1, "{}", peer.accepted());
}

#[tokio::test]
async fn a_kept_connection_that_the_peer_half_closed_is_replaced() {
    for transport in transports() {
        let (peer, over) = peer(|mut connection| {
            Box::pin(async move {
                connection.request().await;
                connection.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                connection.close().await;
                connection.closed().await;
            })
        })
        .await;
        for number in 1..=3 {
            let (status, _, body) = end(&peer.url(), Method::GET, (transport.clone(), LONG)).await.unwrap();
            assert_eq!((status, &body.unwrap()[..], peer.accepted()), (200, &b"ok"[..], number));
        }
        over.reaches(2).await;
    }
}

#[tokio::test]
async fn a_typed_client_over_the_stack_has_the_kinds_of_error_that_it_has_without() {
    let (_socket, nobody) = nobody();
    for transport in transports() {
        let service = ServiceBuilder::new()
            .layer(DeadlineLayer::new(SECOND * 5))
            .layer(RetryOptions::new().attempts(2).build().unwrap())
            .layer(CircuitBreakerLayer::new(CircuitOptions::new().build("peer").unwrap()))
            .service(transport);
        let client = integridai_tower::client::ServiceClient::new("peer", &nobody, service).unwrap();
        let error: ClientError = soon(client.call(crate::endpoint::get()).send()).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Connect);
    }
}
