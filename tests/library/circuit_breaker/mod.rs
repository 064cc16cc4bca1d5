//! The circuit breaker over a probe: around a client, and in front of a route.

mod contract;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full};
use integridai_tower::circuit_breaker::{
    Circuit, CircuitBreakerDoorLayer, CircuitBreakerError, CircuitBreakerLayer, CircuitOpen, CircuitOptions,
    Circuits, Classify, ClassifyHttp, Outcome, State,
};
use integridai_tower::rate_limit::{MemoryLimiter, Quota, RateLimitLayer, RequestHead};
use integridai_tower::{Clock, Refused};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::endpoint::{Answer, answer};

/// Opens after two failures in a row, for ten seconds; one success closes it.
fn circuit() -> (Circuit, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    (options().clock(clock.clone()).build("library").unwrap(), clock)
}

fn options() -> CircuitOptions {
    let options = CircuitOptions::new().no_failure_rate().consecutive_failures(2).probes(1);
    options.open_for(Duration::from_secs(10)).jitter(0.0)
}

/// Is answered with the status that it names.
fn asking(status: u16) -> Request<()> {
    Request::get(format!("/v1/thing?{status}")).body(()).unwrap()
}

async fn as_asked(request: Request<()>) -> Result<Answer, Infallible> {
    Ok(answer(request.uri().query().unwrap().parse().unwrap(), "inner"))
}

#[tokio::test]
async fn a_route_that_keeps_failing_is_answered_for_until_it_is_back() {
    let (circuit, clock) = circuit();
    let service = CircuitBreakerDoorLayer::new(circuit.clone()).layer(service_fn(as_asked));
    for status in [500, 200, 502, 404, 503, 504] {
        assert_eq!(service.clone().oneshot(asking(status)).await.unwrap().status(), status);
    }
    clock.advance(Duration::from_millis(500));
    let (head, body) = service.clone().oneshot(asking(200)).await.unwrap().into_parts();
    assert_eq!(
        (head.status, &head.headers["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"10".parse().unwrap())
    );
    assert_eq!(head.extensions.get(), Some(&Refused { layer: "circuit_breaker", reason: "open" }));
    assert_eq!(head.extensions.get::<CircuitOpen>().unwrap().retry_after, Duration::from_millis(9500));
    assert_eq!(
        serde_json::from_slice::<Value>(&body.collect().await.unwrap().to_bytes()).unwrap(),
        json!({"type": "about:blank", "title": "Service Unavailable", "status": 503, "instance": "/v1/thing",
               "detail": "The service is not available at the moment; see Retry-After."})
    );
    clock.advance(Duration::from_millis(9500));
    assert_eq!(service.clone().oneshot(asking(200)).await.unwrap().status(), 200);
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test]
async fn a_client_is_told_with_an_error_of_its_own() {
    let (circuit, _clock) = circuit();
    let failing = service_fn(async |_: Request<()>| Err::<Answer, _>(std::io::Error::other("no connection")));
    let service = CircuitBreakerLayer::new(circuit).layer(failing);
    for _ in 0..2 {
        let error = service.clone().oneshot(asking(200)).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection");
        assert!(matches!(error, CircuitBreakerError::Inner(_)));
    }
    let error = service.clone().oneshot(asking(200)).await.unwrap_err();
    assert_eq!(error.to_string(), "the circuit is open");
    assert!(matches!(error, CircuitBreakerError::Open(open) if open.retry_after == Duration::from_secs(10)));
}

#[tokio::test]
async fn each_key_has_a_circuit_of_its_own() {
    let circuits = Circuits::new(options(), 10).unwrap();
    let by_path =
        |request: &request::Parts| Some(request.uri.path().to_owned()).filter(|path| path != "/free");
    let service = CircuitBreakerDoorLayer::by(circuits.clone(), by_path).layer(service_fn(as_asked));
    let ask = async |path: &str, status: u16| {
        let request = Request::get(format!("{path}?{status}")).body(()).unwrap();
        service.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    for path in ["/a", "/free"] {
        assert_eq!((ask(path, 500).await, ask(path, 500).await), (500, 500));
    }
    assert_eq!((ask("/a", 200).await, ask("/b", 200).await, ask("/free", 200).await), (503, 200, 200));
    assert_eq!(circuits.find("/a").unwrap().state(), State::Open);
    assert!(circuits.find("/free").is_none());
    circuits.find("/a").unwrap().reset();
    assert_eq!(ask("/a", 200).await, 200);
}

#[tokio::test]
async fn what_an_own_layer_refuses_is_no_failure_of_the_service() {
    let (circuit, _clock) = circuit();
    let limit =
        RateLimitLayer::new(MemoryLimiter::new([Quota::per_day(1)]).unwrap(), |_: &RequestHead<'_>| None);
    let limited = limit.layer(service_fn(as_asked));
    let service = CircuitBreakerDoorLayer::new(circuit.clone())
        .layer(limited.map_response(|response: Response<_>| response.map(|_| Full::<Bytes>::default())));
    for status in [200, 429, 429, 429] {
        assert_eq!(service.clone().oneshot(asking(200)).await.unwrap().status(), status);
    }
    assert_eq!((circuit.state(), circuit.snapshot().counts.calls), (State::Closed, 1));
}

#[test]
fn answers_are_classified_by_what_they_say_of_the_service() {
    let classify = |status: u16, retry_after: Option<&str>| {
        let mut response = answer(status, "");
        if let Some(value) = retry_after {
            response.headers_mut().insert("retry-after", value.parse().unwrap());
        }
        Classify::<Answer, Infallible>::classify(&ClassifyHttp, Ok(&response))
    };
    let failure = |seconds| Outcome::Failure { retry_after: Some(Duration::from_secs(seconds)) };
    for (status, retry_after, outcome) in [
        (200, None, Outcome::Success),
        (404, None, Outcome::Success),
        (429, None, Outcome::Ignored),
        (429, Some("7"), failure(7)),
        (500, Some("7"), Outcome::FAILURE),
        (501, None, Outcome::Success),
        (503, Some("7"), failure(7)),
        (503, Some("soon"), Outcome::FAILURE),
        (505, None, Outcome::Success),
        (599, None, Outcome::FAILURE),
    ] {
        assert_eq!(classify(status, retry_after), outcome, "{status} {retry_after:?}");
    }
    let broken = std::io::Error::other("no connection");
    assert_eq!(Classify::<Answer, _>::classify(&ClassifyHttp, Err(&broken)), Outcome::FAILURE);
}

#[tokio::test]
async fn what_counts_as_a_failure_and_what_a_refusal_looks_like_are_yours_to_say() {
    let (circuit, _clock) = circuit();
    let classify = |result: Result<&Answer, &Infallible>| match result {
        Ok(response) if response.status() == 404 => Outcome::FAILURE,
        _ => Outcome::Success,
    };
    let reject = |open: &CircuitOpen, _: &request::Parts| {
        Response::builder().status(418).body(Bytes::from(open.state.as_str())).unwrap()
    };
    let layer = CircuitBreakerDoorLayer::new(circuit).classify(classify).reject_with(reject);
    let service = layer.layer(service_fn(as_asked));
    for (asked, status) in [(500, 500), (500, 500), (404, 404), (404, 404), (200, 418)] {
        assert_eq!(service.clone().oneshot(asking(asked)).await.unwrap().status(), status);
    }
}
