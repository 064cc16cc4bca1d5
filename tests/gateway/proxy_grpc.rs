//! Calls of gRPC go through to a service that speaks HTTP/2: of all four kinds, message by message, with their trailers.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Version;
use tokio::sync::mpsc;
use tonic::Code;

use crate::support::gateway::Gateway;
use crate::support::grpc::{Text, client, path, route, service};
use crate::support::origin::field;
use crate::support::{until, within};

#[tokio::test]
async fn a_call_and_its_answer_go_through_with_what_is_said_of_them() {
    let (over, _) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route(&origin, "texts.One", ""))]).await;
    let mut grpc = client(&gateway).await;
    let mut request = tonic::Request::new("hola".to_owned());
    request.metadata_mut().insert("x-of-client", "2".parse().expect("visible ASCII"));
    let answer = within(grpc.unary(request, path("texts.One", "Unary"), Text)).await.expect("an answer");
    assert_eq!(answer.metadata().get("x-own").expect("it is told"), "1");
    assert_eq!(answer.metadata().get("via").expect("it is told"), "2 integridai-gateway");
    assert_eq!(answer.into_inner(), "hola");
    let seen = origin.last();
    assert_eq!((seen.uri.path(), seen.version), ("/texts.Texts/Unary", Version::HTTP_2));
    let fields = ["te", "connection", "content-type", "x-of-client", "via"].map(|name| field(&seen, name));
    assert_eq!(fields, ["trailers", "", "application/grpc", "2", "2 integridai-gateway"]);
    // Errors of the service are the service's.
    within(grpc.ready()).await.expect("it is connected");
    let request = tonic::Request::new("missing".to_owned());
    let error =
        within(grpc.unary(request, path("texts.One", "Unary"), Text)).await.expect_err("it is missing");
    assert_eq!((error.code(), error.message()), (Code::NotFound, "there is no ñandú"));
    within(grpc.ready()).await.expect("it is connected");
    let request = tonic::Request::new(String::new());
    let error =
        within(grpc.unary(request, path("texts.One", "Nothing"), Text)).await.expect_err("no such method");
    assert_eq!((error.code(), error.message()), (Code::Unimplemented, "/texts.Texts/Nothing"));
    gateway.stop().await;
}

#[tokio::test]
async fn streams_go_through_either_way_and_end_as_they_ended() {
    let (over, _) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let gateway =
        Gateway::with(&[("PROXY__ROUTES", &route(&origin, "texts.Streams", "max_body_bytes = 4194304"))])
            .await;
    let mut grpc = client(&gateway).await;
    let request = tonic::Request::new("abc".to_owned());
    let call = grpc.server_streaming(request, path("texts.Streams", "Split"), Text);
    let mut letters = within(call).await.expect("an answer").into_inner();
    for letter in ["a", "b", "c"] {
        assert_eq!(within(letters.message()).await.expect("a letter").expect("one more"), letter);
    }
    let end = within(letters.message()).await.expect_err("a status other than OK");
    assert_eq!((end.code(), end.message()), (Code::OutOfRange, "no more letters"));
    let large = "x".repeat(100_000);
    let texts = stream::iter((0..20).map({
        let large = large.clone();
        move |_| large.clone()
    }));
    within(grpc.ready()).await.expect("it is connected");
    let call = grpc.client_streaming(tonic::Request::new(texts), path("texts.Streams", "Join"), Text);
    assert_eq!(within(call).await.expect("an answer").into_inner(), large.repeat(20));
    gateway.stop().await;
}

#[tokio::test]
async fn each_message_is_answered_before_the_next_is_sent_for_longer_than_a_call_may_wait_for_its_head() {
    let (over, _) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let route = route(&origin, "texts.Talk", "timeout_seconds = 4");
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route)]).await;
    let mut grpc = client(&gateway).await;
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let texts = stream::poll_fn(move |context| said.poll_recv(context));
    let call = grpc.streaming(tonic::Request::new(texts), path("texts.Talk", "Echo"), Text);
    let mut answers = within(call).await.expect("an answer").into_inner();
    let began = Instant::now();
    let mut count = 0;
    until("more time than it has for the head", async || {
        count += 1;
        say.send(format!("message {count}")).expect("it is still sent");
        let answer = within(answers.message()).await.expect("a message").expect("one more");
        assert_eq!(answer, format!("message {count}"));
        (began.elapsed() > Duration::from_secs(5)).then_some(())
    })
    .await;
    drop(say);
    assert_eq!(within(answers.try_next()).await.expect("OK"), None);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_call_along() {
    let (over, mut is_over) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route(&origin, "texts.Left", ""))]).await;
    let mut grpc = client(&gateway).await;
    for _ in 0..3 {
        within(grpc.ready()).await.expect("it is connected");
        let request = tonic::Request::new(String::new());
        let call = grpc.server_streaming(request, path("texts.Left", "Begin"), Text);
        let mut texts = within(call).await.expect("an answer").into_inner();
        assert_eq!(within(texts.next()).await.expect("one").expect("a message"), "begun");
        drop(texts);
        within(is_over.recv()).await.expect("the service runs");
    }
    gateway.stop().await;
}
