use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Uri, Version, header, request, response};

/// One request and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The request's method.
    pub method: Method,
    /// The request's target. The query may hold what does not belong into a log.
    pub uri: Uri,
    /// The request's protocol version.
    pub version: Version,
    /// What [`route_by`](super::ObserveLayer::route_by) made of the request.
    pub route: Option<Arc<str>>,
    /// The response's status, if there was a response.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// When the request reached the layer.
    pub started_at: SystemTime,
    /// From then until the response's head, if there was a response.
    pub time_to_head: Option<Duration>,
    /// From then until the end.
    pub duration: Duration,
    /// The bytes of the request's body that the inner service had read by the end.
    pub request_bytes: u64,
    /// The bytes of the response's body that were handed out.
    pub response_bytes: u64,
}

/// How an exchange ended. The [module docs](super) tell when each one applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// All of the response was handed out.
    Completed,
    /// The response's body failed half way.
    BodyFailed,
    /// Nobody waited for the end.
    ClientLeft,
    /// There was no response.
    ServiceFailed,
}

impl Outcome {
    /// The name for logs and metric labels: `completed`, `body_failed`, `client_left`, `service_failed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::BodyFailed => "body_failed",
            Self::ClientLeft => "client_left",
            Self::ServiceFailed => "service_failed",
        }
    }
}

impl Exchange {
    pub(super) fn begin(request: &request::Parts, route: Option<Arc<str>>, now: SystemTime) -> Self {
        Self {
            method: request.method.clone(),
            uri: request.uri.clone(),
            version: request.version,
            route,
            status: None,
            outcome: Outcome::ClientLeft,
            started_at: now,
            time_to_head: None,
            duration: Duration::ZERO,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    pub(super) fn answered(&mut self, status: StatusCode, after: Duration) {
        self.status = Some(status);
        self.time_to_head = Some(after);
    }

    pub(super) fn end(&mut self, outcome: Outcome, after: Duration, request_bytes: u64) {
        self.outcome = outcome;
        self.duration = after;
        self.request_bytes = request_bytes;
    }

    /// Whether the response ends with its head, whatever its body says (RFC 9110 §6.4.1).
    pub(super) fn ends_with_head(&self) -> bool {
        let Some(status) = self.status else { return false };
        self.method == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || (self.method == Method::CONNECT && status.is_success())
    }
}

pub(super) fn content_length(response: &response::Parts) -> Option<u64> {
    response.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn exchange(method: Method, status: StatusCode) -> Exchange {
        let (request, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
        let mut exchange = Exchange::begin(&request, None, SystemTime::UNIX_EPOCH);
        exchange.answered(status, Duration::from_millis(1));
        exchange
    }

    #[test]
    fn responses_without_content_end_with_their_head() {
        for (method, status, ends) in [
            (Method::GET, 101, true),
            (Method::GET, 204, true),
            (Method::GET, 304, true),
            (Method::HEAD, 200, true),
            (Method::CONNECT, 200, true),
            (Method::CONNECT, 502, false),
            (Method::GET, 200, false),
            (Method::POST, 500, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(exchange(method.clone(), status).ends_with_head(), ends, "{method} {status}");
        }
    }

    #[test]
    fn an_exchange_without_an_answer_does_not_end_with_a_head() {
        let (request, ()) = Request::head("/").body(()).unwrap().into_parts();
        assert!(!Exchange::begin(&request, None, SystemTime::UNIX_EPOCH).ends_with_head());
    }
}
