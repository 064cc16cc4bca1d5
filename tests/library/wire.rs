//! What can happen on a socket, over both transports.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use integridai_tower::Deadline;
use integridai_tower::client::transport::HyperTransport;
use integridai_tower::client::{ClientError, ErrorKind, Retry, ServiceClient};
use tokio::sync::Notify;

use crate::endpoint::{Ask, get, post};
use crate::peer::{Connection, Peer, nobody, soon};
use crate::transport::{Transport, transports};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const LIMIT: usize = 64 * 1024;
/// What a call that is never answered is given.
const SHORT: Duration = Duration::from_millis(50);

fn client(url: &str, transport: Transport) -> ServiceClient<Transport> {
    ServiceClient::new("service", url, transport).expect("the URL is right").max_response_bytes(LIMIT)
}

async fn send(url: &str, transport: Transport, ask: Ask) -> Result<Bytes, ClientError> {
    soon(client(url, transport).call(ask).send()).await
}

/// A server that answers each connection's first request with this text, and closes.
async fn saying(text: &'static str) -> Peer {
    Peer::start(move |mut connection: Connection| async move {
        connection.request().await;
        connection.say(text).await;
    })
    .await
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let (_socket, url) = nobody();
    for transport in transports() {
        let error = send(&url, transport, post()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (&ErrorKind::Connect, Retry::Yes));
    }
}

#[tokio::test]
async fn whatever_breaks_the_exchange_is_broken_and_repeatable_only_where_harmless() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let peer = saying(text).await;
        for transport in transports() {
            let error = send(&peer.url(), transport.clone(), post()).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.retry()),
                (&ErrorKind::Broken, Retry::No),
                "{text:?} {transport:?}"
            );
            let error = send(&peer.url(), transport, get()).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (&ErrorKind::Broken, Retry::Yes), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_reset_connection_is_broken() {
    let peer = Peer::start(|mut connection: Connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    for transport in transports() {
        let error = send(&peer.url(), transport, post()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (&ErrorKind::Broken, Retry::No));
    }
}

#[tokio::test]
async fn a_call_that_times_out_closes_its_connection() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"] {
        for transport in transports() {
            let left = Arc::new(Notify::new());
            let noted = Arc::clone(&left);
            let peer = Peer::start(move |mut connection: Connection| {
                let noted = Arc::clone(&noted);
                async move {
                    connection.request().await;
                    connection.say(head).await;
                    connection.closed().await;
                    noted.notify_one();
                }
            })
            .await;
            let client = client(&peer.url(), transport);
            let call = client.call(get()).deadline(Deadline::after(SHORT));
            let error = soon(call.send()).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::TimedOut { after } if *after <= SHORT), "{error}");
            soon(left.notified()).await;
        }
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read_to_its_end() {
    for (head, chunk) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n".repeat(4096)),
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(16 * 1024)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "x".repeat(16 * 1024)),
    ] {
        for transport in transports() {
            let left = Arc::new(Notify::new());
            let (noted, chunk) = (Arc::clone(&left), chunk.clone());
            let peer = Peer::start(move |mut connection: Connection| {
                let (noted, chunk) = (Arc::clone(&noted), chunk.clone());
                async move {
                    connection.request().await;
                    connection.say(head).await;
                    while connection.say(&chunk).await {}
                    noted.notify_one();
                }
            })
            .await;
            let error = send(&peer.url(), transport, get()).await.unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::TooLarge { limit: LIMIT }, "{head:?}");
            soon(left.notified()).await;
        }
    }
}

#[tokio::test]
async fn every_way_to_frame_a_body_is_read() {
    for (text, expected) in [
        (HELLO, "hello"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-t: 1\r\n\r\n",
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", "hello"),
        ("HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}", "{}"),
    ] {
        let peer = saying(text).await;
        for transport in transports() {
            assert_eq!(send(&peer.url(), transport, get()).await.unwrap(), expected, "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let elsewhere = saying(HELLO).await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url()
    );
    let peer = saying(location.leak()).await;
    for transport in transports() {
        let error = send(&peer.url(), transport, post()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Status { status: StatusCode::TEMPORARY_REDIRECT, .. }),
            "{error}"
        );
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn a_request_is_framed_by_its_length() {
    for transport in transports() {
        let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
        let peer = Peer::start(move |mut connection: Connection| {
            let sender = sender.clone();
            async move {
                while let Some(request) = connection.request().await {
                    sender.send(request).expect("the test reads");
                    connection.say(HELLO).await;
                }
            }
        })
        .await;
        let base = format!("{}/base", peer.url());
        send(&base, transport.clone(), Ask { body: Some("{\"é\":1}"), ..post() }).await.unwrap();
        let posted = requests.recv().await.unwrap();
        assert!(posted.starts_with("POST /base/thing HTTP/1.1\r\n"), "{posted}");
        assert!(
            posted.contains("\r\ncontent-length: 8\r\n") && posted.ends_with("\r\n\r\n{\"é\":1}"),
            "{posted}"
        );
        assert!(posted.contains(&format!("\r\nhost: {}\r\n", &peer.url()["http://".len()..])), "{posted}");
        send(&base, transport, get()).await.unwrap();
        let got = requests.recv().await.unwrap();
        assert!(!got.contains("content-length") && !got.contains("content-type"), "{got}");
        for request in [posted, got] {
            assert!(!request.contains("transfer-encoding"), "{request}");
        }
    }
}

#[tokio::test]
async fn calls_in_sequence_share_a_connection_whatever_they_answer() {
    for transport in transports() {
        let peer = Peer::start(|mut connection: Connection| async move {
            let mut answers = [
                HELLO,
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nbad",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            ]
            .into_iter()
            .cycle();
            while connection.request().await.is_some() {
                connection.say(answers.next().expect("a cycle")).await;
            }
        })
        .await;
        let client = client(&peer.url(), transport);
        for _ in 0..3 {
            assert_eq!(soon(client.call(get()).send()).await.unwrap(), "hello");
            assert_eq!(soon(client.call(post()).send()).await.unwrap(), "");
            soon(client.call(get()).send()).await.unwrap_err();
            assert_eq!(soon(client.call(get()).send()).await.unwrap(), "hello");
        }
        assert_eq!(peer.accepted(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_the_service_closed_meanwhile_is_replaced() {
    let other = saying(HELLO).await;
    for transport in transports() {
        let closed = Arc::new(Notify::new());
        let noted = Arc::clone(&closed);
        let peer = Peer::start(move |mut connection: Connection| {
            let noted = Arc::clone(&noted);
            async move {
                connection.request().await;
                connection.say(HELLO).await;
                connection.close().await;
                noted.notify_one();
                connection.closed().await;
            }
        })
        .await;
        let client = client(&peer.url(), transport.clone());
        for number in 1..=3 {
            assert_eq!(soon(client.call(post()).send()).await.unwrap(), "hello", "call {number}");
            soon(closed.notified()).await;
            // Once another exchange is through, the close has been seen too: it was there first.
            send(&other.url(), transport.clone(), get()).await.unwrap();
            assert_eq!(peer.accepted(), number);
        }
    }
}

/// Answers every request with `hello`.
async fn patient() -> Peer {
    Peer::start(|mut connection: Connection| async move {
        while connection.request().await.is_some() {
            connection.say(HELLO).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_that_was_idle_for_too_long_is_not_used_again() {
    let peer = patient().await;
    let client = client(&peer.url(), Transport::Hyper(HyperTransport::new()));
    for (wait, accepted) in [(0, 1), (29, 1), (29, 1), (30, 2), (0, 2)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(wait)).await;
        tokio::time::resume();
        assert_eq!(soon(client.call(get()).send()).await.unwrap(), "hello");
        assert_eq!(peer.accepted(), accepted, "after {wait} s");
    }
}

#[tokio::test]
async fn a_kept_connection_outlives_the_runtime_that_made_it_only_as_a_closed_one() {
    let peer = patient().await;
    let transport = HyperTransport::new();
    for _ in 0..2 {
        let (url, transport) = (peer.url(), transport.clone());
        let elsewhere = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(send(&url, Transport::Hyper(transport), get()))
        });
        let joined = tokio::task::spawn_blocking(|| elsewhere.join().unwrap());
        assert_eq!(soon(joined).await.unwrap().unwrap(), "hello");
    }
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn the_transport_without_tls_refuses_what_needs_it() {
    let error =
        send("https://127.0.0.1:9", Transport::Hyper(HyperTransport::new()), get()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::InvalidRequest, Retry::No));
}

#[tokio::test]
async fn concurrent_calls_are_answered_each_with_its_own() {
    for transport in transports() {
        let peer = Peer::start(|mut connection: Connection| async move {
            while let Some(request) = connection.request().await {
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (number, length) = (connection.number, path.len());
                let head =
                    format!("HTTP/1.1 200 OK\r\nx-number: {number}\r\ncontent-length: {length}\r\n\r\n");
                connection.say(head + path).await;
            }
        })
        .await;
        let client = client(&peer.url(), transport);
        let paths: Vec<&'static str> = (0..50).map(|number| &*format!("/{number}").leak()).collect();
        let calls = paths.iter().map(|path| client.call(Ask { path, ..get() }).send());
        let answers = soon(futures_util::future::try_join_all(calls)).await.unwrap();
        assert_eq!(answers, paths);
    }
}
