//! Who failed, and whether the call may be repeated.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use integridai_tower::BoxError;
use integridai_tower::client::transport::TransportError;
use integridai_tower::client::{ClientError, ErrorKind, Fault, Retry, ServiceClient};
use tower::service_fn;

use crate::endpoint::{Answer, Ask, answer, asking_for_patience, get, post};

const SECOND: Duration = Duration::from_secs(1);
/// `Retry-After: 3`
const LATER: Retry = Retry::After(Duration::from_secs(3));

type Sent = Request<Full<Bytes>>;

/// A failure, and what becomes of it for a call that may not be repeated and for one that may.
struct Case {
    what: &'static str,
    make: fn() -> Result<Answer, BoxError>,
    fault: Fault,
    once: Retry,
    repeatable: Retry,
}

fn case(
    what: &'static str,
    make: fn() -> Result<Answer, BoxError>,
    (fault, once, repeatable): (Fault, Retry, Retry),
) -> Case {
    Case { what, make, fault, once, repeatable }
}

fn cases() -> Vec<Case> {
    use Fault::{Caller, Network, Service};
    use Retry::{No, Yes};
    vec![
        case("connect", || Err(TransportError::Connect("x".into()).into()), (Network, Yes, Yes)),
        case("exchange", || Err(TransportError::Exchange("x".into()).into()), (Network, No, Yes)),
        case("an error of another kind", || Err("x".into()), (Network, No, Yes)),
        case("301", || Ok(answer(301, "")), (Service, No, No)),
        case("304", || Ok(answer(304, "")), (Service, No, No)),
        case("400", || Ok(answer(400, "")), (Caller, No, No)),
        case("401", || Ok(answer(401, "")), (Caller, No, No)),
        case("404", || Ok(answer(404, "refused: unknown")), (Caller, No, No)),
        case("404, later", || Ok(asking_for_patience(404, "3")), (Caller, No, No)),
        case("408", || Ok(answer(408, "")), (Service, No, Yes)),
        case("409", || Ok(answer(409, "")), (Caller, No, No)),
        case("422", || Ok(answer(422, "")), (Caller, No, No)),
        case("429", || Ok(answer(429, "")), (Service, Yes, Yes)),
        case("429, later", || Ok(asking_for_patience(429, "3")), (Service, LATER, LATER)),
        case("500", || Ok(answer(500, "")), (Service, No, Yes)),
        case("500, later", || Ok(asking_for_patience(500, "3")), (Service, No, LATER)),
        case("502", || Ok(answer(502, "")), (Service, No, Yes)),
        case("503", || Ok(answer(503, "")), (Service, No, Yes)),
        case("503, later", || Ok(asking_for_patience(503, " 3 ")), (Service, No, LATER)),
        case("504", || Ok(answer(504, "")), (Service, No, Yes)),
        case("refused", || Ok(answer(200, "refused: no")), (Service, No, No)),
        case("malformed", || Ok(answer(200, "malformed")), (Service, No, Yes)),
    ]
}

async fn fail(make: fn() -> Result<Answer, BoxError>, ask: Ask, key: Option<&str>) -> ClientError {
    let service = service_fn(move |_: Sent| std::future::ready(make()));
    let client = ServiceClient::new("service", "http://host", service).expect("the URL is right");
    let call = client.call(ask);
    let call = match key {
        Some(key) => call.idempotency_key(key),
        None => call,
    };
    call.send().await.expect_err("the service fails")
}

#[tokio::test]
async fn each_failure_tells_whose_it_is_and_whether_to_repeat() {
    for Case { what, make, fault, once, repeatable } in cases() {
        let error = fail(make, post(), None).await;
        assert_eq!((error.fault(), error.retry()), (fault, once), "{what}, POST");
        let error = fail(make, post(), Some("key")).await;
        assert_eq!((error.fault(), error.retry()), (fault, repeatable), "{what}, POST with a key");
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            let error = fail(make, Ask { method: method.clone(), ..get() }, None).await;
            assert_eq!((error.fault(), error.retry()), (fault, repeatable), "{what}, {method}");
        }
        assert_eq!((error.service(), error.endpoint()), ("service", "ask"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_may_be_repeated_only_where_that_is_harmless() {
    let service = service_fn(|_: Sent| std::future::pending::<Result<Answer, BoxError>>());
    let client = ServiceClient::new("service", "http://host", service).unwrap().timeout(SECOND);
    let calls = [client.call(post()), client.call(post()).idempotency_key("key"), client.call(get())];
    let mut retries = Vec::new();
    for call in calls {
        let error = call.send().await.unwrap_err();
        assert_eq!(error.to_string(), "service ask: no answer within 1s");
        retries.push(error.retry());
    }
    assert_eq!(retries, [Retry::No, Retry::Yes, Retry::Yes]);
}

async fn patience(value: &'static str) -> Option<Duration> {
    let service =
        service_fn(move |_: Sent| async move { Ok::<_, BoxError>(asking_for_patience(503, value)) });
    let client = ServiceClient::new("service", "http://host", service).unwrap();
    match client.call(get()).send().await.unwrap_err().kind() {
        ErrorKind::Status { retry_after, .. } => *retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn seconds_and_dates_are_read_from_retry_after() {
    assert_eq!(patience("0").await, Some(Duration::ZERO));
    assert_eq!(patience("120").await, Some(SECOND * 120));
    assert_eq!(patience("Sun, 06 Nov 1994 08:49:37 GMT").await, Some(Duration::ZERO), "long past");
    for value in ["", " ", "-1", "1.5", "soon", "+3", "Wed, 32 Oct 2026 07:28:00 GMT"] {
        assert_eq!(patience(value).await, None, "{value:?}");
    }
}

#[tokio::test]
async fn nobody_is_asked_to_wait_longer_than_an_hour() {
    let hour = Some(SECOND * 3_600);
    for value in ["3600", "3601", "18446744073709551615", "18446744073709551616", &"9".repeat(100)] {
        assert_eq!(patience(value.to_owned().leak()).await, hour, "{value}");
    }
    assert_eq!(patience("3599").await, Some(SECOND * 3_599));
    let error = fail(|| Ok(asking_for_patience(429, "86400")), post(), None).await;
    assert_eq!(error.retry(), Retry::After(SECOND * 3_600));
}

#[tokio::test]
async fn an_error_names_service_endpoint_and_the_services_words_but_not_what_was_sent() {
    let error = fail(|| Ok(answer(404, "refused: unknown provider")), post(), Some("secret-key")).await;
    assert_eq!(error.to_string(), "service ask: answered 404 Not Found: unknown provider");
    let error = fail(|| Ok(answer(200, "refused: not today")), post(), None).await;
    assert_eq!(error.to_string(), "service ask: refused: not today");
    let error = fail(|| Err(TransportError::Connect("os error".into()).into()), post(), None).await;
    assert_eq!(error.to_string(), "service ask: no connection");
    assert!(!format!("{error:?}").contains("secret-key"));
}
