use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use http::{request, response};
use http_body::Body;

use super::exchange::{Exchange, Outcome, content_length};
use super::observer::Observe;

/// An exchange that is going on. Ends exactly once: when told to, or else when it is dropped.
pub(super) struct Recording<O: Observe> {
    observer: Arc<O>,
    open: Option<Open<O::Context>>,
}

struct Open<C> {
    context: C,
    exchange: Exchange,
    started: Instant,
    request_bytes: Option<Arc<AtomicU64>>,
    expected_bytes: Option<u64>,
}

impl<O: Observe> Recording<O> {
    pub(super) fn begin(
        observer: &Arc<O>,
        request: &request::Parts,
        route: Option<Arc<str>>,
        request_bytes: Option<Arc<AtomicU64>>,
    ) -> Self {
        let open = Open {
            context: observer.begin(request),
            exchange: Exchange::begin(request, route, SystemTime::now()),
            started: Instant::now(),
            request_bytes,
            expected_bytes: None,
        };
        Self { observer: Arc::clone(observer), open: Some(open) }
    }

    pub(super) fn answered(&mut self, response: &response::Parts, body: &impl Body) {
        let Some(open) = &mut self.open else { return };
        open.exchange.answered(response.status, open.started.elapsed());
        open.expected_bytes = body.size_hint().exact().or_else(|| content_length(response));
        self.observer.answered(&mut open.context, response);
        if body.is_end_stream() || open.exchange.ends_with_head() {
            self.end(Outcome::Completed);
        }
    }

    pub(super) fn add_response_bytes(&mut self, bytes: usize) {
        if let Some(open) = &mut self.open {
            open.exchange.response_bytes += bytes as u64;
        }
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        let Some(Open { context, mut exchange, started, request_bytes, .. }) = self.open.take() else {
            return;
        };
        let request_bytes = request_bytes.map_or(0, |bytes| bytes.load(Ordering::Relaxed));
        exchange.end(outcome, started.elapsed(), request_bytes);
        self.observer.end(context, &exchange);
    }
}

impl<C> Open<C> {
    /// hyper drops a body unasked once `content-length` bytes are written.
    fn all_was_said(&self) -> bool {
        self.expected_bytes == Some(self.exchange.response_bytes)
    }
}

impl<O: Observe> Drop for Recording<O> {
    fn drop(&mut self) {
        let Some(open) = &self.open else { return };
        let outcome = if open.all_was_said() {
            Outcome::Completed
        } else if !std::thread::panicking() {
            Outcome::ClientLeft
        } else if open.exchange.status.is_some() {
            Outcome::BodyFailed
        } else {
            Outcome::ServiceFailed
        };
        self.end(outcome);
    }
}

impl<O: Observe> fmt::Debug for Recording<O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchange = self.open.as_ref().map(|open| &open.exchange);
        formatter.debug_struct("Recording").field("exchange", &exchange).finish_non_exhaustive()
    }
}
