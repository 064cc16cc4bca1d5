//! One record per exchange, however it ends.
#![cfg(feature = "observe")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::collections::VecDeque;
use std::future::{pending, poll_fn, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header, request, response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use integridai_tower::observe::{CountedBody, Exchange, Observe, ObserveLayer, Observed, Outcome};
use tower::{Layer, Service, ServiceExt, service_fn};

type Asked = Request<CountedBody<Frames>>;

/// A body of exactly these frames, which never sees its own end coming.
#[derive(Default)]
struct Frames {
    frames: VecDeque<io::Result<Frame<Bytes>>>,
    hint: SizeHint,
}

impl Frames {
    fn of<const N: usize>(chunks: [&'static str; N]) -> Self {
        let frames = chunks.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        Self { frames: frames.into(), hint: SizeHint::default() }
    }

    fn then(mut self, frame: io::Result<Frame<Bytes>>) -> Self {
        self.frames.push_back(frame);
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.frames.pop_front())
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// The records so far.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<Exchange>>>);

impl Records {
    fn layer(&self) -> ObserveLayer<impl Fn(&Exchange) + use<>> {
        let records = self.clone();
        ObserveLayer::new(move |exchange: &Exchange| records.0.lock().unwrap().push(exchange.clone()))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    #[track_caller]
    fn only(&self) -> Exchange {
        let records = self.0.lock().unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        records[0].clone()
    }

    /// Has `request` answered with `response`.
    async fn answer<B: Body>(&self, request: Request<Frames>, response: Response<B>) -> Response<impl Body> {
        let mut response = Some(response);
        let inner = service_fn(move |_: Asked| ready(Ok::<_, io::Error>(response.take().unwrap())));
        self.layer().layer(inner).oneshot(request).await.unwrap()
    }
}

fn get() -> Request<Frames> {
    Request::new(Frames::default())
}

#[tokio::test]
async fn a_completed_exchange_is_recorded_with_all_its_facts() {
    let records = Records::default();
    let service = records.layer().layer(service_fn(|request: Asked| async {
        let (head, body) = request.into_parts();
        assert_eq!(body.collect().await?.to_bytes(), "ping and pong");
        let response = Response::builder().status(StatusCode::ACCEPTED).version(head.version);
        Ok::<_, io::Error>(response.body(Frames::of(["hel", "lo"])).unwrap())
    }));
    let before = SystemTime::now();
    let request = Request::post("/games?secret=1").version(Version::HTTP_2);
    let request = request.body(Frames::of(["ping", " and ", "pong"])).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(records.count(), 0, "the body has not ended yet");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");

    let exchange = records.only();
    assert_eq!((exchange.method, exchange.version), (Method::POST, Version::HTTP_2));
    assert_eq!((exchange.uri.path(), exchange.route), ("/games", None));
    assert_eq!((exchange.status, exchange.outcome), (Some(StatusCode::ACCEPTED), Outcome::Completed));
    assert_eq!((exchange.request_bytes, exchange.response_bytes), (13, 5));
    assert!(before <= exchange.started_at && exchange.started_at <= SystemTime::now());
    assert!(exchange.time_to_head.unwrap() <= exchange.duration);
}

#[tokio::test]
async fn a_body_that_fails_is_recorded_at_its_failure() {
    let records = Records::default();
    let body = Frames::of(["half"]).then(Err(io::ErrorKind::BrokenPipe.into()));
    let response = records.answer(get(), Response::new(body)).await;
    assert!(response.into_body().collect().await.is_err());
    let exchange = records.only();
    assert_eq!((exchange.outcome, exchange.response_bytes), (Outcome::BodyFailed, 4));
}

#[tokio::test]
async fn a_body_dropped_half_way_means_that_the_client_left() {
    let records = Records::default();
    let response = records.answer(get(), Response::new(Frames::of(["half", "half"]))).await;
    let mut body = Box::pin(response.into_body());
    body.frame().await.unwrap().ok().unwrap();
    assert_eq!(records.count(), 0);
    drop(body);
    let exchange = records.only();
    assert_eq!((exchange.outcome, exchange.response_bytes), (Outcome::ClientLeft, 4));
    assert_eq!(exchange.status, Some(StatusCode::OK));
}

#[tokio::test]
async fn a_future_dropped_before_the_answer_means_that_the_client_left() {
    for polls in [0, 1] {
        let records = Records::default();
        let mut service =
            records.layer().layer(service_fn(|_: Asked| pending::<io::Result<Response<Frames>>>()));
        let mut future = Box::pin(service.ready().await.unwrap().call(get()));
        for _ in 0..polls {
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(future);
        let exchange = records.only();
        assert_eq!((exchange.outcome, exchange.status), (Outcome::ClientLeft, None));
        assert_eq!(exchange.time_to_head, None);
    }
}

#[tokio::test]
async fn an_error_and_a_panic_of_the_inner_service_are_its_failures() {
    let records = Records::default();
    let failing = service_fn(|_: Asked| ready(Err::<Response<Frames>, _>(io::Error::other("no"))));
    let error = records.layer().layer(failing).oneshot(get()).await.err().unwrap();
    assert_eq!(error.to_string(), "no");
    assert_eq!(records.only().outcome, Outcome::ServiceFailed);

    let records = Records::default();
    let panicking =
        service_fn(|_: Asked| poll_fn(|_| -> Poll<io::Result<Response<Frames>>> { panic!("on purpose") }));
    let future = records.layer().layer(panicking).call(get());
    let polled = catch_unwind(AssertUnwindSafe(|| {
        Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }));
    assert!(polled.is_err());
    assert_eq!(records.only().outcome, Outcome::ServiceFailed);
}

#[tokio::test]
async fn a_response_without_content_is_complete_with_its_head() {
    let cases = [
        (Method::GET, StatusCode::SWITCHING_PROTOCOLS),
        (Method::GET, StatusCode::NO_CONTENT),
        (Method::GET, StatusCode::NOT_MODIFIED),
        (Method::HEAD, StatusCode::OK),
        (Method::CONNECT, StatusCode::OK),
    ];
    for (method, status) in cases {
        let records = Records::default();
        let request = Request::builder().method(method.clone()).body(Frames::default()).unwrap();
        let answer = Response::builder().status(status).body(Frames::of(["unsent"])).unwrap();
        let response = records.answer(request, answer).await;
        assert_eq!(records.only().outcome, Outcome::Completed, "{method} {status}");
        drop(response);
        assert_eq!(records.count(), 1, "{method} {status}");
    }
}

#[tokio::test]
async fn a_body_that_is_over_is_not_waited_for() {
    let records = Records::default();
    let response = records.answer(get(), Response::new(Full::<Bytes>::default())).await;
    assert_eq!(records.only().outcome, Outcome::Completed);
    drop(response);
    assert_eq!(records.count(), 1);

    let records = Records::default();
    let response = records.answer(get(), Response::new(Full::<Bytes>::from("hello"))).await;
    let mut body = Box::pin(response.into_body());
    body.frame().await.unwrap().ok().unwrap();
    assert!(body.is_end_stream());
    let exchange = records.only();
    assert_eq!((exchange.outcome, exchange.response_bytes), (Outcome::Completed, 5));
}

#[tokio::test]
async fn a_body_dropped_after_all_that_was_promised_is_complete() {
    for (length, outcome) in
        [("4", Outcome::Completed), ("5", Outcome::ClientLeft), ("x", Outcome::ClientLeft)]
    {
        let records = Records::default();
        let answer = Response::builder().header(header::CONTENT_LENGTH, length).body(Frames::of(["four"]));
        let mut body = Box::pin(records.answer(get(), answer.unwrap()).await.into_body());
        body.frame().await.unwrap().ok().unwrap();
        drop(body);
        assert_eq!(records.only().outcome, outcome, "content-length: {length}");
    }
}

#[tokio::test]
async fn trailers_and_size_hints_pass_in_both_directions() {
    let trailers = || HeaderMap::from_iter([(header::ETAG, "\"1\"".parse().unwrap())]);
    let body = || Frames {
        hint: SizeHint::with_exact(2),
        ..Frames::of(["ok"]).then(Ok(Frame::trailers(trailers())))
    };
    let records = Records::default();
    let service = records.layer().layer(service_fn(|request: Asked| async {
        let body = request.into_body();
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!body.is_end_stream());
        let collected = body.collect().await?;
        assert!(collected.trailers().is_some_and(|trailers| trailers.contains_key(header::ETAG)));
        Ok::<_, io::Error>(Response::new(Frames {
            hint: SizeHint::with_exact(0),
            ..Frames::default().then(Ok(Frame::trailers(HeaderMap::new())))
        }))
    }));
    let response = service.oneshot(Request::new(body())).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(0));
    assert_eq!(records.count(), 0, "the trailers are still to come");
    assert!(response.into_body().collect().await.unwrap().trailers().is_some());
    let exchange = records.only();
    assert_eq!((exchange.request_bytes, exchange.response_bytes), (2, 0));
}

#[tokio::test]
async fn only_request_bytes_that_were_read_count() {
    let records = Records::default();
    let service = records.layer().layer(service_fn(|request: Asked| async {
        Box::pin(request.into_body()).frame().await.unwrap()?;
        Ok::<_, io::Error>(Response::new(Full::<Bytes>::default()))
    }));
    service.oneshot(Request::new(Frames::of(["read", "unread"]))).await.unwrap();
    assert_eq!(records.only().request_bytes, 4);
}

/// Writes down what it is told.
struct Diary(Arc<Mutex<Vec<String>>>);

impl Observe for Diary {
    type Context = String;

    fn begin(&self, request: &request::Parts) -> String {
        format!("{} asked", request.uri)
    }

    fn answered(&self, context: &mut String, response: &response::Parts) {
        context.push_str(&format!(", {} answered", response.status));
    }

    fn end(&self, context: String, exchange: &Exchange) {
        let line = format!("{context}, {} on {:?}", exchange.outcome.as_str(), exchange.route);
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn an_observer_keeps_its_context_and_learns_the_route() {
    let diary = Arc::default();
    let layer = ObserveLayer::new(Diary(Arc::clone(&diary)))
        .route_by(|request| request.uri.path().starts_with("/users/").then(|| "/users/{id}".into()));
    let service = layer.layer(service_fn(|request: Asked| {
        ready(match request.uri().path() {
            "/users/1" => Ok(Response::new(Full::<Bytes>::default())),
            _ => Err(io::Error::other("no")),
        })
    }));
    for path in ["/users/1", "/other"] {
        let request = Request::get(path).body(Frames::default()).unwrap();
        let _ = service.clone().oneshot(request).await;
    }
    let lines = diary.lock().unwrap();
    assert_eq!(lines[0], r#"/users/1 asked, 200 OK answered, completed on Some("/users/{id}")"#);
    assert_eq!(lines[1], "/other asked, service_failed on None");
    assert_eq!(lines.len(), 2);
}

/// Becomes ready at the second poll; panics when called without being ready, which a clone never is.
#[derive(Default)]
struct Reluctant {
    polls: usize,
}

impl Clone for Reluctant {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Asked> for Reluctant {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.polls += 1;
        if self.polls < 2 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, _: Asked) -> Self::Future {
        assert!(std::mem::take(&mut self.polls) >= 2, "called without being ready");
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn readiness_is_the_inner_services_and_so_is_the_call() {
    let records = Records::default();
    let mut service: Observed<Reluctant, _> = records.layer().layer(Reluctant::default());
    for served in 1..=2 {
        let mut poll_ready = || {
            let mut context = Context::from_waker(Waker::noop());
            Service::<Request<Frames>>::poll_ready(&mut service, &mut context)
        };
        assert!(poll_ready().is_pending());
        assert!(poll_ready().is_ready());
        service.call(get()).await.unwrap();
        assert_eq!(records.count(), served);
    }
}
