//! When the transport is called, and when a call ends.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use integridai_tower::Deadline;
use integridai_tower::client::transport::TransportError;
use integridai_tower::client::{ErrorKind, Fault, Retry, ServiceClient};
use tokio::time::Instant;

use crate::endpoint::{Answer, answer, get, post};
use crate::support::probe::Probe;

const URL: &str = "http://service.test";
const SECOND: Duration = Duration::from_secs(1);

type Sent = Request<Full<Bytes>>;

async fn hello(_: Sent) -> Result<Answer, Infallible> {
    Ok(answer(200, "hello"))
}

async fn silence(_: Sent) -> Result<Answer, Infallible> {
    pending().await
}

fn client<A, E, F, T>(probe: Probe<A, E>) -> ServiceClient<Probe<A, E>>
where
    A: Fn(Sent) -> F,
    F: Future<Output = Result<T, E>>,
{
    ServiceClient::new("service", URL, probe).expect("the URL is right")
}

#[tokio::test]
async fn the_transport_is_polled_ready_before_each_call() {
    let probe = Probe::new(hello).pending(3);
    let watch = probe.watch();
    let client = client(probe);
    for number in 1..=2 {
        assert_eq!(client.call(get()).send().await.unwrap(), "hello");
        assert_eq!((watch.calls(), watch.polls(), watch.wakes()), (number, 4 * number, 3 * number));
    }
    assert_eq!((watch.finished(), watch.in_flight()), (2, 0));
}

/// An error of a layer around a transport.
#[derive(Debug)]
struct Wrapped(TransportError);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("wrapped")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn a_missing_connection_is_known_through_the_layers_around_the_transport() {
    let kind = async |error: fn() -> TransportError| {
        let probe = Probe::new(move |_: Sent| async move { Err::<Answer, _>(Wrapped(error())) });
        client(probe).call(post()).send().await.unwrap_err().kind().clone()
    };
    assert_eq!(kind(|| TransportError::Connect("refused".into())).await, ErrorKind::Connect);
    assert_eq!(kind(|| TransportError::Exchange("reset".into())).await, ErrorKind::Broken);
    assert_eq!(kind(|| TransportError::Invalid("no host".into())).await, ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_service_below_that_fails_to_become_ready_sent_nothing() {
    let probe = Probe::new(|_: Sent| async { Ok(answer(200, "")) }).refusing(|| "the breaker is open");
    let watch = probe.watch();
    let error = client(probe).call(post()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (&ErrorKind::NotReady, Fault::Network));
    assert_eq!(error.retry(), Retry::Yes, "nothing was sent, so even a POST may be repeated");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the breaker is open");
    assert_eq!(watch.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_readiness_counts_against_the_time() {
    let probe = Probe::new(hello).held();
    let watch = probe.watch();
    let client = client(probe).timeout(SECOND);
    let error = client.call(post()).send().await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TimedOut { after: SECOND });
    assert_eq!(watch.calls(), 0);
    watch.release();
    assert_eq!(client.call(post()).send().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_dropped_call_cancels_the_exchange() {
    let probe = Probe::new(silence);
    let watch = probe.watch();
    let client = client(probe);
    {
        let mut call = pin!(client.call(get()).send());
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!((watch.in_flight(), watch.cancelled()), (1, 0));
    }
    assert_eq!((watch.in_flight(), watch.cancelled()), (0, 1));
}

#[tokio::test]
async fn a_call_that_is_never_sent_does_nothing() {
    let probe = Probe::new(hello);
    let watch = probe.watch();
    let client = client(probe);
    drop(client.call(get()).deadline(Deadline::after(SECOND)));
    drop(client.call(get()).send());
    assert_eq!((watch.clones(), watch.polls(), watch.calls()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_timeout_and_deadline_ends_the_call_and_cancels_the_exchange() {
    for (timeout, deadline, expected) in [(2, None, 2), (2, Some(5), 2), (5, Some(2), 2), (3, Some(3), 3)] {
        let probe = Probe::new(silence);
        let watch = probe.watch();
        let client = client(probe).timeout(SECOND * timeout);
        let begin = Instant::now();
        let mut call = client.call(get());
        if let Some(seconds) = deadline {
            call = call.deadline(Deadline::after(SECOND * seconds));
        }
        let error = call.send().await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::TimedOut { after: SECOND * expected }, "{timeout} {deadline:?}");
        assert_eq!(begin.elapsed().as_secs(), u64::from(expected), "{timeout} {deadline:?}");
        assert_eq!((error.fault(), watch.cancelled()), (Fault::Network, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_is_not_sent() {
    let probe = Probe::new(hello);
    let watch = probe.watch();
    let deadline = Deadline::after(SECOND);
    tokio::time::advance(SECOND).await;
    let error = client(probe).call(get()).deadline(deadline).send().await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TimedOut { after: Duration::ZERO });
    assert_eq!(watch.calls(), 0);
}

/// One frame, and then nothing, for ever.
fn stalling(status: StatusCode) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    let first = futures_util::stream::iter([Ok(http_body::Frame::data(Bytes::from_static(b"half")))]);
    let body = StreamBody::new(futures_util::StreamExt::chain(first, futures_util::stream::pending()));
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}

#[tokio::test(start_paused = true)]
async fn the_time_covers_the_body() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Infallible>(stalling(StatusCode::OK)));
    let error = client(probe).timeout(SECOND).call(get()).send().await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TimedOut { after: SECOND });
}

#[tokio::test(start_paused = true)]
async fn an_error_is_known_by_its_status_even_if_its_body_never_ends() {
    let probe = Probe::new(async |_: Sent| {
        let mut response = stalling(StatusCode::SERVICE_UNAVAILABLE);
        response.headers_mut().insert(header::RETRY_AFTER, 7.into());
        Ok::<_, Infallible>(response)
    });
    let begin = Instant::now();
    let client = client(probe).timeout(SECOND);
    let error = client.call(post()).idempotency_key("key").send().await.unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Status {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal: None,
            retry_after: Some(SECOND * 7),
        }
    );
    assert_eq!(error.retry(), Retry::After(SECOND * 7));
    assert!(begin.elapsed() <= SECOND, "no longer than the call was given");
}

#[tokio::test]
async fn concurrent_calls_do_not_share_an_instance() {
    let probe = Probe::new(hello).held();
    let watch = probe.watch();
    let client = client(probe);
    let calls = futures_util::future::join_all((0..20).map(|_| client.call(get()).send()));
    let release = async {
        while watch.polls() < 20 {
            tokio::task::yield_now().await;
        }
        watch.release();
    };
    let (answers, ()) = tokio::join!(calls, release);
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|body| body == "hello")));
    assert_eq!((watch.clones(), watch.calls(), watch.finished()), (20, 20, 20));
}
