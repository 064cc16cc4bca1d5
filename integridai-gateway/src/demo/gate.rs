//! What every request to a simulated service passes: counting, delay, injected failure, then the service.
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request};
use hyper::body::Incoming;
use tokio::sync::Notify;

use super::answer::Answer;
use super::body::{self, AnswerBody, Received};
use super::chance::Chance;
use super::control::Control;
use super::control_call;
use super::failure::{Failure, Mode};
use super::latency::{Latency, Pace};
use super::options::Shapes;
use super::passage::Passage;
use super::report::{Outcome, RecordedRequest};
use super::routing::{Backend, Call, Found};

const BODY_LIMIT: usize = 2 * 1024 * 1024;
const BODY_PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_KEY: usize = 256;
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const CORRELATION_ID: &str = "x-correlation-id";
/// Where requests are counted that mean no call of the service.
const UNKNOWN: &str = "other";

pub(super) struct Gate {
    backend: Box<dyn Backend>,
    control: Arc<Control>,
    latency: Latency,
    chance: Chance,
}

/// A request whose body has arrived.
struct Arrived {
    head: request::Parts,
    body: Bytes,
    index: usize,
    delay: Duration,
    shapes: Shapes,
}

impl Gate {
    pub(super) fn new(backend: Box<dyn Backend>, control: Arc<Control>, latency: Latency, seed: u64) -> Self {
        Self { backend, control, latency, chance: Chance::new(seed) }
    }

    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Notifying `cut` resets the connection, and this future with it.
    pub(super) async fn respond(&self, request: Request<Incoming>, cut: &Notify) -> Response<AnswerBody> {
        let (head, incoming) = request.into_parts();
        if head.uri.path().starts_with(control_call::PREFIX) {
            return match body::receive(incoming, BODY_LIMIT, BODY_PATIENCE).await {
                Received::Whole(body) => response(control_call::answer(&self.control, &head, &body)),
                refused => response(unreadable(&refused)),
            };
        }
        let found = self.backend.find(&head.method, head.uri.path());
        let passage = Passage::begin(Arc::clone(&self.control), found.template(UNKNOWN), record(&head));
        let Found::Route { index, template, pace } = found else {
            return finished(misdirected(found), passage);
        };
        match body::receive(incoming, BODY_LIMIT, BODY_PATIENCE).await {
            Received::Whole(_) if key(&head.headers).is_some_and(|key| key.len() > LONGEST_KEY) => {
                finished(Answer::refusal(StatusCode::BAD_REQUEST, "idempotency-key is too long"), passage)
            }
            Received::Whole(body) => {
                let (failure, shapes) = self.control.draw(head.uri.path(), template);
                let delay = self.hold(pace, failure.as_ref()).await;
                let arrived = Arrived { head, body, index, delay, shapes };
                match failure {
                    None => finished(self.answer(&arrived), passage),
                    Some(failure) => self.fail(&failure, &arrived, passage, cut).await,
                }
            }
            refused => finished(unreadable(&refused), passage),
        }
    }

    async fn hold(&self, pace: Pace, failure: Option<&Failure>) -> Duration {
        let injected = failure.map_or(Duration::ZERO, |failure| failure.latency);
        let delay = self.latency.sample(pace, &self.chance).saturating_add(injected);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        delay
    }

    fn answer(&self, arrived: &Arrived) -> Answer {
        let idempotency_key = key(&arrived.head.headers);
        let call = Call {
            id: "",
            body: &arrived.body,
            idempotency_key,
            shapes: arrived.shapes,
            delay: arrived.delay,
        };
        let answer = self.backend.answer(arrived.index, arrived.head.uri.path(), call);
        self.control.take_effect(answer.effect, idempotency_key);
        answer
    }

    async fn fail(
        &self,
        failure: &Failure,
        arrived: &Arrived,
        passage: Passage,
        cut: &Notify,
    ) -> Response<AnswerBody> {
        let truth = failure.apply.then(|| self.answer(arrived));
        match (failure.mode, truth) {
            (Mode::Hang, _) => pending().await,
            (Mode::Reset, _) => {
                passage.finish(Outcome::Reset);
                cut.notify_one();
                pending().await
            }
            (Mode::Huge, _) => streamed(StatusCode::OK, None, body::huge(passage)),
            (Mode::Ok, Some(truth)) => finished(truth, passage),
            (Mode::Malformed, Some(truth)) => finished(malformed(&truth), passage),
            (Mode::Truncate, Some(truth)) => {
                let length = truth.body.len();
                streamed(truth.status, Some(length), body::truncated(&truth.body, truth.status, passage))
            }
            (Mode::SlowBody, Some(truth)) => {
                let length = truth.body.len();
                let slow = body::slow(truth.body, failure.interval, truth.status, passage);
                streamed(truth.status, Some(length), slow)
            }
            (_, _) => finished(injected(failure, arrived.shapes), passage),
        }
    }
}

fn injected(failure: &Failure, shapes: Shapes) -> Answer {
    let answer = Answer::injected(failure.status, shapes.errors);
    Answer { retry_after: failure.retry_after, ..answer }
}

/// Half a JSON object is never JSON.
fn malformed(truth: &Answer) -> Answer {
    Answer { status: StatusCode::OK, body: truth.body.slice(..truth.body.len() / 2), ..*truth }
}

fn unreadable(received: &Received) -> Answer {
    match received {
        Received::TooLarge => Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 2 MiB"),
        Received::Broken | Received::Whole(_) => {
            Answer::refusal(StatusCode::BAD_REQUEST, "the body did not arrive")
        }
    }
}

fn misdirected(found: Found) -> Answer {
    match found {
        Found::WrongMethod { .. } => Answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        Found::Nothing | Found::Route { .. } => Answer::refusal(StatusCode::NOT_FOUND, "not found"),
    }
}

fn finished(answer: Answer, passage: Passage) -> Response<AnswerBody> {
    passage.answered(answer.status);
    response(answer)
}

fn response(answer: Answer) -> Response<AnswerBody> {
    let retry_after = answer.retry_after;
    let mut response = streamed(answer.status, None, body::whole(answer.body));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// hyper adds the length of whole bodies itself; it must be given where the body is to break its word.
fn streamed(status: StatusCode, length: Option<usize>, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

fn record(head: &request::Parts) -> RecordedRequest {
    RecordedRequest {
        sequence: 0,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().chars().take(LONGEST_KEY).collect(),
        correlation_id: text(&head.headers, CORRELATION_ID).map(shortened),
        idempotency_key: key(&head.headers).map(shortened),
    }
}

fn key(headers: &HeaderMap) -> Option<&str> {
    text(headers, IDEMPOTENCY_KEY)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Header text is ASCII here, so no character can be cut in two.
fn shortened(text: &str) -> String {
    text[..text.len().min(LONGEST_KEY)].to_owned()
}
