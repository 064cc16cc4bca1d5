//! `GET /api/v1/realtime/events`

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Uri};
use integridai_tower::Principal;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::shapes::WebSocketEvent;
use super::subscription::{Asked, Subscribed, notice, until};
use super::{Api, State};
use crate::events::{Attendance, Delivery, Next, Transport};
use crate::respond::{Problem, ProblemSchema};

/// Tells proxies such as nginx not to hold back what comes in small pieces.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Subscribes to events over server-sent events.
///
/// The same events as over the WebSocket, with the same `topics`, `cursor` and `overflow`. `id` of each event is its cursor, so
/// that a browser that reconnects, which sends it as `Last-Event-ID`, gets whatever came meanwhile; what it does not get it is told
/// of by a `system_alert` with the code `events_missed`. All events have the default name, so that `onmessage` gets them. The
/// stream ends when the gateway goes down, when the token has expired, and with `overflow=disconnect` when it is too slow. A
/// browser presents a ticket instead of a token: `?ticket=…`, from `POST /api/v1/realtime/ticket`.
#[utoipa::path(
    get,
    path = "/api/v1/realtime/events",
    tag = "realtime",
    params(
        ("topics" = Option<String>, Query, description = "Types of events and `user:{id}`, separated by commas; without any: everything that one may see. Another user's are for `admin`", example = "analysis_complete,system_alert"),
        ("cursor" = Option<u64>, Query, description = "Goes on after this event; without it, from now on", example = 4711),
        ("overflow" = Option<String>, Query, description = "When it is too slow: `drop_oldest`, `conflate` or `disconnect`", example = "drop_oldest"),
        ("Last-Event-ID" = Option<u64>, Header, description = "As `cursor`, and goes before it"),
    ),
    responses(
        (status = 200, description = "Events follow", body = WebSocketEvent<'static>, content_type = "text/event-stream"),
        (status = 400, description = "A topic, a cursor or a policy that is none", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 403, description = "The events of another user", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 429, description = "More connections than one caller may have, or more requests than a rate limit allows", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "Too many subscribers", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn events(
    axum::extract::State(api): State,
    OriginalUri(uri): OriginalUri,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    stream(&api, &uri, &principal, &headers)
}

/// The answer to whoever asks for a stream, at whichever of the paths.
pub(super) fn stream(
    api: &Api,
    uri: &Uri,
    principal: &Principal,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked::parse(uri.query().unwrap_or_default(), headers, api.reader(principal))?;
    let mut subscribed = asked.admit(api, principal)?;
    let mut pings = interval(api.realtime.ping_interval_seconds.get());
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let first = subscribed.first.take().map(|event| Bytes::from(format!("data: {}\n\n", event.to_frame())));
    let opening = Bytes::from_static(b"retry: 1000\n\n");
    let attendance = Attendance::begin(Transport::ServerSentEvents);
    let stream = Stream { opening: [Some(opening), first], subscribed, pings, is_over: false, attendance };
    let body = unfold(stream, |mut stream| async move {
        stream.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), stream))
    });
    let fields = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (ACCEL_BUFFERING, "no")];
    Ok((fields, Body::from_stream(body)).into_response())
}

struct Stream {
    opening: [Option<Bytes>; 2],
    subscribed: Subscribed,
    pings: Interval,
    is_over: bool,
    attendance: Attendance,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.opening.iter_mut().find_map(Option::take) {
            return Some(bytes);
        }
        if self.is_over {
            return None;
        }
        tokio::select! {
            next = self.subscribed.follower.next() => self.written(next),
            () = until(self.subscribed.ends) => self.goodbye("the token has expired"),
            _ = self.pings.tick() => Some(Bytes::from_static(b": ping\n\n")),
        }
    }

    fn written(&mut self, next: Next) -> Option<Bytes> {
        match next {
            Next::Event(delivery) => {
                self.attendance.sent();
                Some(event(&delivery))
            }
            // Without an id: whoever reconnects asks again for what is missing, and may get it.
            Next::Gap(gap) => Some(format!("data: {}\n\n", notice(&gap)).into()),
            Next::TooSlow(cursor) => self.goodbye(&format!("too slow; go on after cursor {cursor}")),
            Next::Closed => self.goodbye("the gateway goes down"),
        }
    }

    /// A comment, for people; the end of the stream says the same to programs.
    fn goodbye(&mut self, reason: &str) -> Option<Bytes> {
        self.is_over = true;
        Some(format!(": {reason}\n\n").into())
    }
}

fn event(delivery: &Arc<Delivery>) -> Bytes {
    delivery
        .sse
        .get_or_init(|| format!("id: {}\ndata: {}\n\n", delivery.cursor, delivery.frame).into())
        .clone()
}
