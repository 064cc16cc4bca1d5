//! Calls that end in time, and services that are told how much there is.

use http::Response;
use integridai_tower::Deadline;
use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer, DeadlinePassed, ReadDeadlineLayer};
use integridai_tower::client::retry::RetryOptions;
use integridai_tower::client::{ErrorKind, Retry, ServiceClient};
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::*;
use crate::endpoint::{get, post};
use crate::support::probe::Probe;

fn left(request: Sent, left: Duration) -> Sent {
    let mut request = request;
    request.extensions_mut().insert(Deadline::after(left));
    request
}

fn saying(field: &str, value: &str) -> Sent {
    let mut request = asking(Method::GET);
    request.headers_mut().insert(field.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_all_that_is_known_holds_and_is_sent_on() {
    type Make = fn() -> Sent;
    let cases: [(Make, &str); 8] = [
        (|| asking(Method::GET), "2000"),
        (|| left(asking(Method::GET), SECOND), "1000"),
        (|| left(asking(Method::GET), SECOND * 9), "2000"),
        (|| saying("x-request-deadline", "700"), "700"),
        (|| saying("x-request-deadline", "9000"), "2000"),
        (|| saying("x-request-deadline", "soon"), "2000"),
        (|| saying("grpc-timeout", "30m"), "30"),
        (|| left(saying("grpc-timeout", "3S"), SECOND), "1000"),
    ];
    for (request, expected) in cases {
        let log = Log::default();
        let service = DeadlineLayer::new(SECOND * 2).layer(scripted(&log, &[Script::Hang]));
        let error = service.oneshot(request()).await.unwrap_err();
        let given = milliseconds(expected.parse().unwrap());
        assert!(
            matches!(error, DeadlineError::Passed(DeadlinePassed { after, .. }) if after == given),
            "{error:?}"
        );
        assert_eq!(log.fields("x-request-deadline"), [expected]);
        let requests = log.0.lock().unwrap();
        let (_, sent) = &requests[0];
        assert!(
            sent.extensions().get::<Deadline>().unwrap().has_passed(),
            "the same moment is in the extensions"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_has_a_field_of_its_own() {
    let log = Log::default();
    let service = DeadlineLayer::new(SECOND).layer(scripted(&log, &[Script::Status(200)]));
    service.clone().oneshot(saying("content-type", "application/grpc+proto")).await.unwrap();
    service.oneshot(saying("content-type", "application/json")).await.unwrap();
    assert_eq!(log.fields("grpc-timeout"), ["1000000u", ""]);
    assert_eq!(log.fields("x-request-deadline"), ["1000", "1000"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_late_is_not_sent() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Failure>(answer(200, "")));
    let watch = probe.watch();
    let service = DeadlineLayer::new(SECOND).at_least(milliseconds(20)).layer(probe);
    for time in [0, 19] {
        let error = service.clone().oneshot(left(asking(Method::GET), milliseconds(time))).await.unwrap_err();
        let DeadlineError::TooLate(late) = error else { panic!("{error:?}") };
        assert_eq!((late.left, late.needed), (milliseconds(time), milliseconds(20)));
    }
    assert_eq!(watch.calls(), 0);
    service.clone().oneshot(left(asking(Method::GET), milliseconds(20))).await.unwrap();
    assert_eq!(watch.calls(), 1);
    let none_needed = DeadlineLayer::new(SECOND).at_least(Duration::ZERO).layer(service);
    assert!(none_needed.oneshot(left(asking(Method::GET), Duration::ZERO)).await.is_err());
    assert_eq!(watch.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_dropped_when_its_time_is_up() {
    let probe = Probe::new(async |_: Sent| pending::<Result<Answer, Failure>>().await);
    let watch = probe.watch();
    let start = Instant::now();
    let error =
        DeadlineLayer::new(milliseconds(300)).layer(probe).oneshot(asking(Method::GET)).await.unwrap_err();
    assert_eq!(error.to_string(), "the deadline passed");
    assert!(start.elapsed() >= milliseconds(300) && start.elapsed() < milliseconds(310));
    assert_eq!((watch.cancelled(), watch.in_flight()), (1, 0));
}

/// A body that gives one piece and then hangs.
fn stuck()
-> http_body_util::StreamBody<impl futures_util::Stream<Item = Result<http_body::Frame<Bytes>, Failure>>> {
    use futures_util::{StreamExt, stream};
    let first = stream::iter([Ok(http_body::Frame::data(Bytes::from_static(b"piece")))]);
    http_body_util::StreamBody::new(first.chain(stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_hangs_ends_with_an_error_and_only_once() {
    let service = tower::service_fn(|_: Sent| std::future::ready(Ok::<_, Failure>(Response::new(stuck()))));
    let start = Instant::now();
    let response = DeadlineLayer::new(SECOND).layer(service).oneshot(asking(Method::GET)).await.unwrap();
    let mut body = Box::pin(response.into_body());
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "piece");
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<DeadlinePassed>() && start.elapsed() >= SECOND, "{error:?}");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_go_on_where_only_its_head_is_bounded() {
    let service = tower::service_fn(|_: Sent| std::future::ready(Ok::<_, Failure>(Response::new(stuck()))));
    let layer = DeadlineLayer::new(SECOND).head_only();
    let mut body = Box::pin(layer.layer(service).oneshot(asking(Method::GET)).await.unwrap().into_body());
    body.frame().await.unwrap().unwrap();
    assert!(tokio::time::timeout(SECOND * 100, body.frame()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_what_is_left_and_the_last_has_no_more_than_that() {
    let log = Log::default();
    let service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(milliseconds(1000)).without_fields())
        .layer(RetryOptions::new().attempts(9).backoff(Duration::ZERO, Duration::ZERO).build().unwrap())
        .layer(DeadlineLayer::new(milliseconds(400)).at_least(milliseconds(50)))
        .service(scripted(&log, &[Script::Hang]));
    let start = Instant::now();
    let error = service.oneshot(asking(Method::GET)).await.unwrap_err();
    assert!(start.elapsed() >= milliseconds(1000) && start.elapsed() < milliseconds(1010), "{error:?}");
    let told: Vec<u64> = log.fields("x-request-deadline").iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!((&told[..2], told.len()), (&[400, 400][..], 3), "{told:?}");
    assert!((190..=200).contains(&told[2]), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_reads_what_a_client_leaves_and_gives_no_more_than_its_own() {
    let service = ReadDeadlineLayer::new(SECOND * 10).layer(tower::service_fn(async |request: Sent| {
        Ok::<_, Failure>(request.extensions().get::<Deadline>().unwrap().remaining())
    }));
    for (request, expected) in [
        (asking(Method::GET), 10_000),
        (saying("x-request-deadline", "1500"), 1500),
        (saying("x-request-deadline", "0"), 0),
        (saying("x-request-deadline", "99999999999999999999999999"), 10_000),
        (saying("x-request-deadline", "-1"), 10_000),
        (saying("x-request-deadline", "1e3"), 10_000),
        (saying("x-request-deadline", ""), 10_000),
        (saying("grpc-timeout", "2S"), 2000),
        (saying("grpc-timeout", "99999999H"), 10_000),
        (left(saying("x-request-deadline", "1500"), SECOND), 1000),
    ] {
        let given = service.clone().oneshot(request).await.unwrap();
        assert_eq!(given.as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_typed_client_tells_what_became_of_its_time() {
    let client = |layer: DeadlineLayer, script| {
        let service = layer.layer(scripted(&Log::default(), &[script]));
        ServiceClient::new("service", "http://host", service).unwrap()
    };
    let hanging = client(DeadlineLayer::new(SECOND), Script::Hang);
    let error = hanging.call(get()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::TimedOut { after: SECOND }, Retry::Yes));
    assert_eq!(hanging.call(post()).send().await.unwrap_err().retry(), Retry::No);
    let hurried = client(DeadlineLayer::new(SECOND).at_least(milliseconds(10)), Script::Status(200));
    let error = hurried.call(post()).deadline(Deadline::after(milliseconds(9))).send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::NotReady, Retry::Yes));
    let service = tower::service_fn(|_: Sent| std::future::ready(Ok::<_, Failure>(Response::new(stuck()))));
    let slow =
        ServiceClient::new("service", "http://host", DeadlineLayer::new(SECOND).layer(service)).unwrap();
    let error = slow.call(get()).send().await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TimedOut { after: SECOND });
}

#[tokio::test(start_paused = true)]
async fn a_call_hands_its_deadline_to_the_layers_below() {
    let log = Log::default();
    let service = DeadlineLayer::new(SECOND * 60).layer(scripted(&log, &[Script::Status(200)]));
    let client = ServiceClient::new("service", "http://host", service).unwrap().timeout(SECOND * 3);
    client.call(get()).send().await.unwrap();
    client.call(get()).deadline(Deadline::after(SECOND)).send().await.unwrap();
    assert_eq!(log.fields("x-request-deadline"), ["3000", "1000"]);
}
