//! How long a service takes to begin its answers, and how they begin: for typed calls and for what is passed on alike.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use integridai_tower::correlation::TraceContext;
use integridai_tower::{Attempts, BoxError};
use metrics::Histogram;
use pin_project_lite::pin_project;
use tower::Service;

use super::resilient::LeftAlone;
use crate::telemetry::traces::{self, Span, SpanKind};

/// The times of one service, by how its calls ended. A clone is the same.
#[derive(Clone)]
pub(super) struct Times(Arc<Shared>);

struct Shared {
    service: String,
    /// Looked up once each: the facade makes a key anew for every look-up.
    of: [OnceLock<Histogram>; OUTCOMES.len()],
}

/// A closed set: a service could answer with any of 900 statuses.
const OUTCOMES: [&str; 8] = ["1xx", "2xx", "3xx", "4xx", "5xx", "failed", "left_alone", "cancelled"];
const FAILED: usize = 5;
const LEFT_ALONE: usize = 6;
const CANCELLED: usize = 7;

impl Times {
    pub(super) fn new(service: &str) -> Self {
        let of = std::array::from_fn(|_| OnceLock::new());
        Self(Arc::new(Shared { service: service.to_owned(), of }))
    }

    fn record(&self, outcome: usize, begun: Instant) {
        let time = self.0.of[outcome].get_or_init(|| {
            let (service, outcome) = (self.0.service.clone(), OUTCOMES[outcome]);
            metrics::histogram!("integridai_service_request_duration_seconds", "service" => service, "outcome" => outcome)
        });
        time.record(begun.elapsed().as_secs_f64());
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Times").field(&self.0.service).finish()
    }
}

/// Measures calls to `inner`, retries and refusals on the way among them.
#[derive(Debug, Clone)]
pub(super) struct Measured<S> {
    inner: S,
    times: Times,
}

impl<S> Measured<S> {
    pub(super) fn new(inner: S, times: Times) -> Self {
        Self { inner, times }
    }
}

impl<S, A, B> Service<Request<A>> for Measured<S>
where
    S: Service<Request<A>, Response = Response<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = MeasuredFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let span = span(&self.times.0.service, &mut request);
        let watch = Watch { times: self.times.clone(), begun: Instant::now(), is_told: false, span };
        MeasuredFuture { answer: self.inner.call(request), watch }
    }
}

pin_project! {
    pub(super) struct MeasuredFuture<F> {
        #[pin]
        answer: F,
        watch: Watch,
    }
}

impl<F, B> Future for MeasuredFuture<F>
where
    F: Future<Output = Result<Response<B>, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        this.watch.describe(&answer);
        this.watch.tell(match &answer {
            Ok(response) => class(response.status()),
            Err(error) if error.is::<LeftAlone>() => LEFT_ALONE,
            Err(_) => FAILED,
        });
        Poll::Ready(answer)
    }
}

/// A call under way; one that is given up counts too.
struct Watch {
    times: Times,
    begun: Instant,
    is_told: bool,
    span: Span,
}

impl Watch {
    fn tell(&mut self, outcome: usize) {
        self.is_told = true;
        self.times.record(outcome, self.begun);
    }
}

impl Watch {
    fn describe<B>(&mut self, answer: &Result<Response<B>, BoxError>) {
        self.span.tell(|span| match answer {
            Ok(response) => {
                let status = response.status();
                span.set("http.response.status_code", status.as_u16());
                let resent = Attempts::of(response.extensions()).count() - 1;
                if resent > 0 {
                    span.set("http.request.resend_count", resent);
                }
                if status.is_client_error() || status.is_server_error() {
                    span.set("error.type", status.as_str().to_owned());
                    span.error = Some(status.to_string());
                }
            }
            Err(error) => {
                let outcome = if error.is::<LeftAlone>() { LEFT_ALONE } else { FAILED };
                span.set("error.type", OUTCOMES[outcome]);
                span.error = Some(error.to_string());
            }
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_told {
            self.span.tell(|span| span.error = Some(OUTCOMES[CANCELLED].to_owned()));
            self.tell(CANCELLED);
        }
    }
}

/// As the semantic conventions have it for clients; its ids go out with the request. Of a URL no query is told.
fn span<A>(service: &str, request: &mut Request<A>) -> Span {
    if !traces::is_on() {
        return Span::none();
    }
    let of_request = request.extensions().get::<TraceContext>().cloned();
    let Some(parent) = of_request.or_else(traces::current) else { return Span::none() };
    let method = known_method(request.method());
    let mut span = Span::below(&parent, SpanKind::Client, || format!("{method} {service}"));
    span.tell(|span| {
        span.set("http.request.method", method);
        span.set("url.path", request.uri().path().to_owned());
        span.set("server.address", request.uri().host().unwrap_or_default().to_owned());
        if let Some(port) = request.uri().port_u16() {
            span.set("server.port", port);
        }
        span.set("integridai.service", service.to_owned());
    });
    if let Some(trace) = span.trace() {
        request.extensions_mut().insert(trace.clone());
    }
    span
}

/// The methods that the conventions know.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}

/// Beyond 599 there is nothing that anybody has defined.
fn class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, 5) - 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::telemetry::build_recorder;

    type Answer = Result<Response<()>, BoxError>;

    /// What is told of calls that are answered so.
    fn told(calls: impl FnOnce(&dyn Fn(Answer), &dyn Fn())) -> String {
        let recorder = build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let times = Times::new("regtech");
            let call = |answer: Answer| {
                let answer = std::sync::Mutex::new(Some(answer));
                let inner =
                    service_fn(|_: Request<()>| std::future::ready(answer.lock().unwrap().take().unwrap()));
                let _ = Measured::new(inner, times.clone()).oneshot(Request::new(())).now_or_never().unwrap();
            };
            let leave = || {
                let inner = service_fn(|_: Request<()>| std::future::pending::<Answer>());
                assert!(
                    Measured::new(inner, times.clone()).oneshot(Request::new(())).now_or_never().is_none()
                );
            };
            calls(&call, &leave);
        });
        recorder.handle().render()
    }

    #[test]
    fn calls_are_told_apart_by_how_they_ended_in_a_set_that_is_closed() {
        let text = told(|call, leave| {
            for status in [200, 201, 503, 599, 600, 999, 404] {
                call(Ok(Response::builder().status(status).body(()).unwrap()));
            }
            call(Err("broken".into()));
            let source = Box::from("open");
            call(Err(Box::new(LeftAlone::new(Duration::ZERO, source))));
            leave();
        });
        for (outcome, count) in
            [("2xx", 2), ("5xx", 4), ("4xx", 1), ("failed", 1), ("left_alone", 1), ("cancelled", 1)]
        {
            let line = format!(
                r#"integridai_service_request_duration_seconds_count{{service="regtech",outcome="{outcome}"}} {count}"#
            );
            assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
        }
    }
}
