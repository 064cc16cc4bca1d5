//! Transports that carry streams: a body goes out as it comes, while its answer is read.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use integridai_tower::client::transport::HyperTransport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::peer::soon;

type Piece<E> = Result<Frame<Bytes>, E>;
type Pieces<E> = StreamBody<BoxStream<'static, Piece<E>>>;

const PATIENCE: Duration = Duration::from_secs(2);

/// A body, and what says its pieces.
fn pieces<E: Send + 'static>() -> (mpsc::UnboundedSender<Piece<E>>, Pieces<E>) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    (sender, StreamBody::new(stream::poll_fn(move |context| pieces.poll_recv(context)).boxed()))
}

/// Answers with what it is sent, as it comes.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = async |request: Request| Response::new(Body::new(request.into_body()));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[tokio::test]
async fn each_piece_is_answered_before_the_next_is_sent() {
    let transport = HyperTransport::for_bodies(PATIENCE);
    let url = echo().await;
    for _ in 0..2 {
        let (sender, body) = pieces::<Infallible>();
        let send = |text: &'static str| sender.send(Ok(Frame::data(Bytes::from_static(text.as_bytes()))));
        send("first").unwrap();
        let request = http::Request::post(&url).body(body).unwrap();
        let mut body = soon(transport.clone().oneshot(request)).await.unwrap().into_body();
        for (came, next) in [("first", "second"), ("second", "third")] {
            assert_eq!(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap(), came);
            send(next).unwrap();
        }
        assert_eq!(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "third");
        drop(sender);
        assert!(soon(body.frame()).await.is_none());
    }
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_call() {
    let transport = HyperTransport::for_bodies(PATIENCE);
    let (sender, body) = pieces();
    sender.send(Err(std::io::Error::other("no more"))).unwrap();
    let request = http::Request::post(echo().await).body(body).unwrap();
    let error = soon(transport.oneshot(request)).await.unwrap_err();
    let first: &dyn std::error::Error = &error;
    let mut causes = std::iter::successors(Some(first), |error| error.source());
    assert!(causes.any(|cause| cause.to_string() == "no more"), "{error:?}");
}

/// What a service says in another protocol behind its answer, and what a client says in it.
#[tokio::test]
async fn an_answer_that_changes_the_protocol_brings_its_connection_along() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer =
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: own\r\n\r\nwelcome ";
        stream.write_all(answer).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let request = http::Request::get(url).header("connection", "upgrade").header("upgrade", "own");
    let request = request.body(http_body_util::Full::default()).unwrap();
    let response = soon(HyperTransport::new().oneshot(request)).await.unwrap();
    assert_eq!(response.status(), 101);
    let mut connection = TokioIo::new(soon(hyper::upgrade::on(response)).await.unwrap());
    soon(connection.write_all(b"back")).await.unwrap();
    soon(connection.shutdown()).await.unwrap();
    let mut heard = String::new();
    soon(connection.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "welcome back");
}
