//! The concurrency limit over services that answer when the test says, around a client and in front of a route.

mod adaptive;
mod contract;
mod queue;

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, request};
use http_body_util::BodyExt;
use integridai_tower::client::limit::{
    Cause, ConcurrencyLimit, ConcurrencyLimitDoorLayer, ConcurrencyLimitLayer, LimitOptions, Overloaded,
    OverloadedError,
};
use integridai_tower::client::transport::TransportError;
use integridai_tower::client::{Classify, ClassifyHttp, ErrorKind, Outcome, Retry, ServiceClient};
use integridai_tower::{Deadline, Priority, Refused};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::endpoint::{Answer, Broken, answer, get};

fn limit(calls: u32, max_queued: usize) -> ConcurrencyLimit {
    LimitOptions::fixed(calls).max_queued(max_queued).build("library").unwrap()
}

fn request() -> Request<()> {
    Request::get("/v1/thing").body(()).unwrap()
}

/// Takes so many seconds of paused time.
async fn slow(request: Request<()>) -> Result<Answer, Infallible> {
    let seconds = request.uri().query().and_then(|query| query.parse().ok()).unwrap_or(1);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(answer(200, "inner"))
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_with_an_error_of_its_own() {
    let limit = limit(1, 0);
    let service = ConcurrencyLimitLayer::new(limit.clone()).layer(service_fn(slow));
    let mut first = Box::pin(service.clone().oneshot(request()));
    assert!((&mut first).now_or_never().is_none());
    let error = service.clone().oneshot(request()).await.unwrap_err();
    let OverloadedError::Overloaded(overloaded) = error else { panic!("{error}") };
    assert_eq!((overloaded.cause, overloaded.retry_after), (Cause::QueueFull, Duration::ZERO));
    assert_eq!(first.await.unwrap().status(), 200);
    assert_eq!(service.oneshot(request()).await.unwrap().status(), 200);
    let snapshot = limit.snapshot();
    assert_eq!((snapshot.admitted, snapshot.shed, snapshot.shed_for(Cause::QueueFull)), (2, 1, 1));
    assert_eq!((snapshot.in_flight, snapshot.usual_time), (0, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_route_answers_503_and_says_when_to_come_back() {
    let limit = limit(1, 1);
    let service = ConcurrencyLimitDoorLayer::new(limit).layer(service_fn(slow));
    let asking = |seconds: u64| Request::get(format!("/v1/thing?{seconds}")).body(()).unwrap();
    assert_eq!(service.clone().oneshot(asking(3)).await.unwrap().status(), 200);
    let (mut first, mut second) =
        (Box::pin(service.clone().oneshot(asking(3))), Box::pin(service.clone().oneshot(asking(3))));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    let (head, body) = service.clone().oneshot(request()).await.unwrap().into_parts();
    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&head.headers["retry-after"], &head.headers["cache-control"]),
        (&"6".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(head.extensions.get(), Some(&Refused { layer: "concurrency_limit", reason: "queue_full" }));
    assert_eq!(head.extensions.get::<Overloaded>().unwrap().retry_after, Duration::from_secs(6));
    assert_eq!(
        serde_json::from_slice::<Value>(&body.collect().await.unwrap().to_bytes()).unwrap(),
        json!({"type": "about:blank", "title": "Service Unavailable", "status": 503, "instance": "/v1/thing",
               "detail": "There is too much to do at the moment; see Retry-After."})
    );
    let second = second.await.unwrap();
    assert_eq!(second.extensions().get::<Overloaded>().unwrap().cause, Cause::WaitedTooLong);
    assert_eq!(first.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_a_refusal_looks_like_and_what_an_answer_says_are_yours_to_say() {
    let options = LimitOptions::adaptive().initial(10).window(Duration::from_millis(1), 1).max_queued(0);
    let limit = options.build("library").unwrap();
    let reject = |overloaded: &Overloaded, _: &request::Parts| {
        Response::builder().status(418).body(Bytes::from(overloaded.cause.as_str())).unwrap()
    };
    let classify = |_: Result<&Answer, &Infallible>| Outcome::Throttled;
    let layer = ConcurrencyLimitDoorLayer::new(limit.clone()).classify(classify).reject_with(reject);
    let service = layer.layer(service_fn(slow));
    for former in [10, 5, 2] {
        // The first call opens the window that the second one ends.
        for _ in 0..2 {
            assert_eq!(service.clone().oneshot(request()).await.unwrap().status(), 200);
        }
        assert_eq!(limit.snapshot().limit, former / 2);
    }
    let mut first = Box::pin(service.clone().oneshot(request()));
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(service.oneshot(request()).await.unwrap().status(), 418);
}

#[tokio::test(start_paused = true)]
async fn a_service_client_knows_that_nothing_was_sent() {
    let limit = limit(1, 0);
    let service = ConcurrencyLimitLayer::new(limit.clone());
    let service = service.layer(service_fn(async |_: Request<_>| Ok::<_, Infallible>(answer(200, ""))));
    let client = ServiceClient::new("library", "http://localhost", service).unwrap();
    let permit = limit.acquire(Priority::Normal, None).await.unwrap();
    let error = client.call(get()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::NotReady, Retry::Yes));
    permit.end(Outcome::Success);
    assert!(client.call(get()).send().await.is_ok());
}

#[tokio::test]
async fn what_a_transport_says_is_found_below_a_limit() {
    let refused =
        service_fn(async |_: Request<_>| Err::<Answer, _>(TransportError::Connect("nobody listens".into())));
    let service = ConcurrencyLimitLayer::new(limit(1, 0)).layer(refused);
    let client = ServiceClient::new("library", "http://localhost", service).unwrap();
    assert_eq!(client.call(get()).send().await.unwrap_err().kind(), &ErrorKind::Connect);
}

#[tokio::test]
async fn a_refusal_tells_whose_it_is_among_the_sources_of_its_error() {
    let limit = limit(1, 0);
    let _permit = limit.acquire(Priority::Normal, None).await.unwrap();
    let overloaded = limit.acquire(Priority::Normal, None).await.unwrap_err();
    let error: OverloadedError<std::io::Error> = OverloadedError::Overloaded(overloaded);
    let source = error.source().and_then(Error::source).and_then(|source| source.downcast_ref::<Refused>());
    assert_eq!(source, Some(&Refused { layer: "concurrency_limit", reason: "queue_full" }));
    assert_eq!(overloaded.to_string(), "too many calls at once: queue_full");
}

#[test]
fn answers_are_classified_by_what_they_say_of_the_load() {
    for (status, outcome) in [
        (200, Outcome::Success),
        (404, Outcome::Success),
        (429, Outcome::Throttled),
        (500, Outcome::Failure),
        (501, Outcome::Success),
        (502, Outcome::Failure),
        (503, Outcome::Overloaded),
        (504, Outcome::Overloaded),
        (505, Outcome::Success),
    ] {
        let response = answer(status, "");
        let found = Classify::<Answer, Infallible>::classify(&ClassifyHttp, Ok(&response));
        assert_eq!(found, outcome, "{status}");
    }
    let mut own = answer(503, "");
    own.extensions_mut().insert(Refused { layer: "x", reason: "y" });
    assert_eq!(Classify::<Answer, Infallible>::classify(&ClassifyHttp, Ok(&own)), Outcome::Refused);
    for (error, outcome) in [
        (TransportError::Connect("x".into()), Outcome::Overloaded),
        (TransportError::Exchange("x".into()), Outcome::Overloaded),
        (TransportError::Invalid("x".into()), Outcome::Ignored),
    ] {
        let error = OverloadedError::Inner(error);
        let found = Classify::<Answer, _>::classify(&ClassifyHttp, Err(&error));
        assert_eq!(found, outcome, "{error}");
    }
    assert_eq!(Outcome::of_error(&Refused { layer: "x", reason: "y" }), Outcome::Refused);
    assert_eq!(Outcome::of_error(&Broken), Outcome::Overloaded);
}

#[test]
fn a_setting_that_cannot_work_is_found_when_the_limit_is_built() {
    let adaptive = LimitOptions::adaptive;
    let day = Duration::from_secs(86_401);
    for (options, setting) in [
        (LimitOptions::fixed(0), "min"),
        (adaptive().min(0), "min"),
        (adaptive().max(0), "max"),
        (adaptive().initial(201), "initial"),
        (adaptive().tolerance(0.9), "tolerance"),
        (adaptive().tolerance(f64::NAN), "tolerance"),
        (adaptive().smoothing(0.0), "smoothing"),
        (adaptive().smoothing(f64::NAN), "smoothing"),
        (adaptive().queue_allowance(0), "queue_allowance"),
        (adaptive().window(Duration::ZERO, 10), "window"),
        (adaptive().window(Duration::from_secs(1), 0), "window"),
        (adaptive().window(day, 1), "window"),
        (adaptive().long_term(0), "long_term"),
        (adaptive().max_wait(day), "max_wait"),
        (adaptive().retry_after_at_most(day), "retry_after_at_most"),
    ] {
        assert_eq!(options.build("x").unwrap_err().setting(), setting);
    }
}
