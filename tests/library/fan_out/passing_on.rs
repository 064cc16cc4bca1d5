//! What of a request is for the services, and what is for the whole alone.

use std::sync::Mutex;
use std::task::Poll;

use http::{HeaderMap, Method};
use integridai_tower::Deadline;
use integridai_tower::fan_out::{FanOut, FanOutOptions, JsonMerge, Part, Route};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;

type Seen = Arc<Mutex<Vec<(Method, HeaderMap, Option<Duration>)>>>;

/// Answers 1, and remembers what it was asked and how long it was given.
fn recording(
    seen: &Seen,
) -> impl Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone + Send + use<>
{
    let seen = Arc::clone(seen);
    service_fn(move |request: Whole| {
        let left = request.extensions().get::<Deadline>().copied().map(Deadline::remaining);
        let (head, _) = request.into_parts();
        seen.lock().unwrap().push((head.method, head.headers, left));
        ready(Ok::<_, Infallible>(response(200, "1")))
    })
}

fn members() -> FanOutOptions {
    FanOutOptions::new(JsonMerge::members())
}

fn conditional(method: Method) -> Whole {
    let request = Request::builder().method(method);
    let request = request.header("range", "bytes=0-3").header("if-range", "\"whole\"");
    let request = request.header("if-none-match", "\"whole\"").header("if-modified-since", "yesterday");
    let request = request.header("if-match", "\"state\"").header("accept-encoding", "br, gzip");
    request.header("accept", "application/json").body(Full::default()).unwrap()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_part_a_coding_and_a_validator_that_are_asked_for_are_those_of_the_whole() {
    let seen = Seen::default();
    let fan_out = FanOut::new((Route::required("a", recording(&seen)),), members()).unwrap();
    for method in [Method::GET, Method::PUT] {
        fan_out.clone().oneshot(conditional(method)).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(names(&seen[0].1), ["accept", "accept-encoding", "if-match"]);
    assert_eq!(seen[0].1["accept-encoding"], "identity", "answers that are coded cannot be merged");
    // What changes something may be bound to a state that the service alone knows (RFC 9110 §13.1.2).
    let of_put = ["accept", "accept-encoding", "if-match", "if-modified-since", "if-none-match"];
    assert_eq!(names(&seen[1].1), of_put);
}

#[tokio::test]
async fn what_is_prepared_for_a_service_sees_the_request_as_it_came() {
    let seen = Seen::default();
    let route = Route::required("a", recording(&seen))
        .prepare(|head, body| Request::from_parts(head.clone(), body.clone()));
    FanOut::new((route,), members()).unwrap().oneshot(conditional(Method::GET)).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].1["range"], "bytes=0-3");
}

#[tokio::test]
async fn a_head_is_answered_with_the_head_of_a_get() {
    let seen = Seen::default();
    let fan_out = FanOut::new((Route::required("a", recording(&seen)),), members()).unwrap();
    let answer = fan_out.oneshot(conditional(Method::HEAD)).await.unwrap();
    assert_eq!(
        (answer.status(), header(&answer, "content-type")),
        (StatusCode::OK, Some("application/json"))
    );
    assert_eq!(seen.lock().unwrap()[0].0, Method::GET, "a HEAD has no content that could be merged");
}

/// Ready after a time.
#[derive(Clone)]
struct Late<S> {
    inner: S,
    ready_at: tokio::time::Instant,
}

impl<S: Service<Whole>> Service<Whole> for Late<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> Poll<Result<(), S::Error>> {
        if tokio::time::Instant::now() >= self.ready_at {
            return self.inner.poll_ready(context);
        }
        let (waker, ready_at) = (context.waker().clone(), self.ready_at);
        tokio::spawn(async move {
            tokio::time::sleep_until(ready_at).await;
            waker.wake();
        });
        Poll::Pending
    }

    fn call(&mut self, request: Whole) -> S::Future {
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_waited_for_is_told_what_is_left_of_its_time() {
    let seen = Seen::default();
    let late = Late { inner: recording(&seen), ready_at: tokio::time::Instant::now() + ms(300) };
    let routes = (Route::required("late", late).timeout(ms(1000)),);
    FanOut::new(routes, members()).unwrap().oneshot(asking("/")).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].2, Some(ms(700)));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_told_of_no_time_after_which_nobody_waits_for_it() {
    let seen = Seen::default();
    let best_effort = members().policy(Policy::BestEffort { within: ms(200) });
    let route = Route::optional("a", recording(&seen));
    FanOut::new((route,), best_effort).unwrap().oneshot(asking("/")).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].2, Some(ms(200)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_part_has_of_its_own_is_not_put_off() {
    let seen = Seen::default();
    let split = |_: &http::request::Parts, _: &Bytes| {
        let part = |name: &'static str, time| {
            let mut request = Request::new(Bytes::new());
            request.extensions_mut().insert(Deadline::after(time));
            Part::required(name, request).timeout(ms(500))
        };
        vec![part("sooner", ms(50)), part("later", ms(900))]
    };
    let layer = integridai_tower::fan_out::FanOutLayer::new(split, members());
    layer.layer(recording(&seen)).oneshot(asking("/")).await.unwrap();
    let left: Vec<_> = seen.lock().unwrap().iter().map(|(_, _, left)| *left).collect();
    assert_eq!(left, [Some(ms(50)), Some(ms(500))]);
}

#[test]
fn answers_that_would_be_members_of_one_name_are_found_when_it_is_built() {
    let route = |name: &'static str| Route::optional(name, answering(200, "1"));
    let error = |merge, names: &[&'static str]| {
        let routes: Vec<_> = names.iter().map(|name| route(name)).collect();
        FanOut::new(routes, FanOutOptions::new(merge)).map(drop).map_err(|error| error.to_string())
    };
    let clash = |member: &str| Err(format!("merge: more than one member would be called {member}"));
    let merge = JsonMerge::members;
    assert_eq!(error(merge().member("a", "x").member("b", "x"), &["a", "b"]), clash("x"));
    assert_eq!(error(merge().member("a", "b"), &["a", "b"]), clash("b"));
    assert_eq!(error(merge(), &["a", "missing"]), clash("missing"));
    assert_eq!(error(merge().missing_member("a"), &["a"]), clash("a"));
    assert_eq!(error(JsonMerge::list("missing"), &["a"]), clash("missing"));
    assert_eq!(error(merge().member("a", "b").member("b", "a"), &["a", "b"]), Ok(()));
    assert_eq!(error(merge().flatten("missing"), &["missing"]), Ok(()));
    assert_eq!(error(JsonMerge::list("a"), &["a", "missing"]), Ok(()));
}
