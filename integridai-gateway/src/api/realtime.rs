//! `WS /api/v1/realtime/subscribe`

use std::sync::Arc;

use axum::Extension;
use axum::extract::OriginalUri;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::StreamExt;
use http::header::{ACCEPT, HOST, ORIGIN, UPGRADE};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Version};
use integridai_tower::Principal;
use integridai_tower::rate_limit::{Key, MemoryLimiter};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::shapes::WebSocketEvent;
use super::subscription::{Asked, Subscribed, notice, until};
use super::{Api, State, sse};
use crate::config::{CorsConfig, RealtimeConfig};
use crate::events::{Attendance, Follower, Next, Transport};
use crate::respond::{Problem, ProblemSchema};
use crate::services::Connection;

/// A client has nothing to say but `ping`.
const MAX_CLIENT_MESSAGE: usize = 4 * 1024;

/// Held for as long as the connection is open; a longer message makes more room for itself.
const READ_BUFFER: usize = 256;

/// Subscribes to events over a WebSocket.
///
/// Each text message is an event. A `metrics_update` comes at once and then every 30 s. The text `ping` is answered `pong`. A client that falls
/// behind misses the oldest events and gets a `system_alert` with the code `events_missed`, whose `gap` says which; with
/// `overflow=conflate` it gets the newest of each type, source and user instead, and with `overflow=disconnect` it is closed with
/// 4429 and goes on where it left. Whoever comes with `cursor` gets all that came after that event, once and in order; what is no
/// longer in the log is told by the same alert. An event that belongs to a user is for that user and for `admin` alone, unless its
/// type is one of the four below. When the gateway goes
/// down it closes with 1001, when the token has expired with 4401, when a client sends too many messages with 1008.
/// How many connections and messages one caller may have is configured (`realtime.max_connections_per_principal`,
/// `realtime.max_messages_per_minute`). A browser presents a ticket instead of a token:
/// `?ticket=…`, from `POST /api/v1/realtime/ticket`. Whoever names `text/event-stream` in `Accept` and asks for no upgrade is
/// answered as at `/api/v1/realtime/events`.
#[utoipa::path(
    get,
    path = "/api/v1/realtime/subscribe",
    tag = "realtime",
    params(
        ("topics" = Option<String>, Query, description = "Types of events and `user:{id}`, separated by commas; without any: everything that one may see. Another user's are for `admin`", example = "analysis_complete,system_alert"),
        ("cursor" = Option<u64>, Query, description = "Goes on after this event; without it, from now on", example = 4711),
        ("overflow" = Option<String>, Query, description = "When it is too slow: `drop_oldest`, `conflate` or `disconnect`", example = "drop_oldest"),
    ),
    responses(
        (status = 101, description = "Events follow", body = WebSocketEvent<'static>),
        (status = 200, description = "Events follow, as server-sent events", body = WebSocketEvent<'static>, content_type = "text/event-stream"),
        (status = 400, description = "A WebSocket handshake with a fault, or none over HTTP/2; or a topic, a cursor or a policy that is none", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 403, description = "Asked for by a page of a foreign origin; or the events of another user", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 426, description = "No WebSocket handshake, or one of another version", body = ProblemSchema, content_type = "application/problem+json",
            headers(
                ("Upgrade" = String, description = "`websocket`"),
                ("Sec-WebSocket-Version" = u64, description = "`13`"))),
        (status = 429, description = "More connections than one caller may have, or more requests than a rate limit allows", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "Too many subscribers", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn subscribe(
    axum::extract::State(api): State,
    OriginalUri(uri): OriginalUri,
    Extension(principal): Extension<Principal>,
    version: Version,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !may_subscribe(&headers, uri.authority(), &api.cors) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "pages of this origin may not subscribe"));
    }
    let upgrade = match upgrade {
        Err(_) if wants_event_stream(&headers) => return sse::stream(&api, &uri, &principal, &headers),
        upgrade => upgrade.map_err(|rejection| no_handshake(&rejection, version))?,
    };
    let asked = Asked::parse(uri.query().unwrap_or_default(), &headers, api.reader(&principal))?;
    let subscribed = asked.admit(&api, &principal)?;
    let token = api.sockets.token();
    let key = (!api.is_open).then(|| key_of(&principal));
    Ok(upgrade
        .max_message_size(MAX_CLIENT_MESSAGE)
        .max_frame_size(MAX_CLIENT_MESSAGE)
        // The defaults take 128 KiB for each subscriber.
        .read_buffer_size(READ_BUFFER)
        // No bound above that: an event is as large as what it tells of, and one waits to be taken at a time.
        .write_buffer_size(0)
        .on_upgrade(move |socket| serve(Subscriber::new(api, socket, subscribed, key, token))))
}

/// Browsers do not apply CORS to WebSockets: without this, any page could read the events through its visitor's
/// browser. A client that is no browser sends no `Origin` (RFC 6455 §4.1). HTTP/2 has an authority instead of `Host`.
fn may_subscribe(headers: &HeaderMap, authority: Option<&Authority>, cors: &CorsConfig) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(authority.map(Authority::as_str));
    cors.admits(origin, host)
}

/// By name: a client that takes anything gets to know that there is a WebSocket.
fn wants_event_stream(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut kinds = fields.flat_map(|field| field.split(',')).filter_map(|kind| kind.split(';').next());
    !headers.contains_key(UPGRADE) && kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Over HTTP/2 a GET is not how a handshake begins, and nothing can be upgraded (RFC 9113 §8.6): 426 would have no meaning.
fn no_handshake(rejection: &WebSocketUpgradeRejection, version: Version) -> Problem {
    let status = match rejection {
        WebSocketUpgradeRejection::ConnectionNotUpgradable(_)
        | WebSocketUpgradeRejection::MethodNotGet(_)
        | WebSocketUpgradeRejection::InvalidConnectionHeader(_)
        | WebSocketUpgradeRejection::InvalidUpgradeHeader(_)
        | WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_)
            if version < Version::HTTP_2 =>
        {
            StatusCode::UPGRADE_REQUIRED
        }
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, "expected a WebSocket handshake (RFC 6455, over HTTP/2 RFC 8441)")
}

/// Waiting for events is what a connection does most: what is not needed for that is not kept.
async fn serve(mut subscriber: Box<Subscriber>) {
    let goodbye = subscriber.follow().await;
    if let Some((code, reason)) = goodbye {
        Box::pin(subscriber.close(CloseFrame { code, reason })).await;
    }
}

struct Subscriber {
    socket: WebSocket,
    follower: Follower,
    attendance: Attendance,
    api: Arc<Api>,
    /// When what was presented ends.
    ends: Option<Instant>,
    /// What it may say; where nobody is told apart, nobody's is counted.
    allowance: Option<Allowance>,
    /// The text that comes before all events.
    first: Option<Utf8Bytes>,
    /// Its place among those of its principal.
    _connection: Option<Connection>,
    /// Whoever waits for all goodbyes waits for this.
    _token: TaskTrackerToken,
}

struct Allowance {
    limiter: MemoryLimiter,
    key: Key,
}

impl Subscriber {
    fn new(
        api: Arc<Api>,
        socket: WebSocket,
        subscribed: Subscribed,
        key: Option<Key>,
        token: TaskTrackerToken,
    ) -> Box<Self> {
        let Subscribed { follower, first, ends, connection } = subscribed;
        let allowance = key.map(|key| Allowance { limiter: api.messages.clone(), key });
        let first = first.map(|event| event.to_frame().into());
        Box::new(Self {
            socket,
            follower,
            attendance: Attendance::begin(Transport::WebSocket),
            api,
            ends,
            allowance,
            first,
            _connection: connection,
            _token: token,
        })
    }
}

impl Allowance {
    fn has_room(&self) -> bool {
        self.limiter.check(&self.key).is_admitted()
    }
}

fn key_of(principal: &Principal) -> Key {
    let issuer = principal.issuer().map_or_else(|| Key::new().absent(), Key::from);
    issuer.text(principal.subject())
}

/// A close code of ours (RFC 6455 §7.4.2), like the status 401: come back with a new token.
const TOKEN_EXPIRED: u16 = 4401;

/// A close code of ours, like the status 429: come back with the cursor that the reason ends with.
const TOO_SLOW: u16 = 4429;

/// How long a client may take to say goodbye.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Why a connection ends; `None` when there is nobody left to tell.
type Goodbye = Option<(u16, Utf8Bytes)>;

fn goodbye(code: u16, reason: &'static str) -> Goodbye {
    Some((code, Utf8Bytes::from_static(reason)))
}

impl Subscriber {
    async fn follow(&mut self) -> Goodbye {
        if let Some(text) = self.first.take()
            && let Err(goodbye) = self.send(Message::Text(text)).await
        {
            return goodbye;
        }
        let mut pings = interval(self.config().ping_interval_seconds.get());
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.tick().await;
        let mut heard = Instant::now();
        loop {
            let sent = tokio::select! {
                next = self.follower.next() => self.tell(next).await,
                message = self.socket.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.answer(message).await,
                        Some(Err(_)) => return goodbye(close_code::POLICY, "expected text of at most 4 KiB"),
                        None => return None,
                    }
                }
                () = until(self.ends) => return goodbye(TOKEN_EXPIRED, "the token has expired"),
                _ = pings.tick() => {
                    if heard.elapsed() >= self.config().idle_timeout_seconds.get() {
                        return goodbye(close_code::POLICY, "no answer to pings");
                    }
                    self.send(Message::Ping(axum::body::Bytes::new())).await
                }
            };
            if let Err(goodbye) = sent {
                return goodbye;
            }
        }
    }

    fn config(&self) -> &RealtimeConfig {
        &self.api.realtime
    }

    async fn tell(&mut self, next: Next) -> Result<(), Goodbye> {
        match next {
            Next::Event(delivery) => {
                self.attendance.sent();
                self.send(Message::Text(delivery.frame.clone())).await
            }
            Next::Gap(gap) => self.send(Message::text(notice(&gap))).await,
            Next::TooSlow(cursor) => {
                Err(Some((TOO_SLOW, format!("too slow; go on after cursor {cursor}").into())))
            }
            Next::Closed => Err(goodbye(close_code::AWAY, "the gateway goes down")),
        }
    }

    /// Pings and pongs of the protocol are answered by the socket itself.
    async fn answer(&mut self, message: Message) -> Result<(), Goodbye> {
        let counts = !matches!(message, Message::Pong(_) | Message::Close(_));
        if counts && self.allowance.as_ref().is_some_and(|allowance| !allowance.has_room()) {
            return Err(goodbye(close_code::POLICY, "too many messages in a minute"));
        }
        match message {
            Message::Text(text) if text.trim() == "ping" => {
                self.send(Message::Text(Utf8Bytes::from_static("pong"))).await
            }
            Message::Close(_) => {
                self.hear_out().await;
                Err(None)
            }
            _ => Ok(()),
        }
    }

    /// A client that takes nothing for the idle time is given up: its socket cannot take a goodbye either.
    async fn send(&mut self, message: Message) -> Result<(), Goodbye> {
        match timeout(self.config().idle_timeout_seconds.get(), self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    async fn close(&mut self, frame: CloseFrame) {
        // A client that does not take a goodbye is left without one.
        if let Ok(Ok(())) = timeout(PATIENCE, self.socket.send(Message::Close(Some(frame)))).await {
            self.hear_out().await;
        }
    }

    /// Reading on sends the answer to a client's close frame, and waits for the answer to ours (RFC 6455 §5.5.1).
    async fn hear_out(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = timeout(PATIENCE, rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_and_allowed_pages_may_subscribe() {
        let cors = CorsConfig { allowed_origins: vec!["https://console.example.org".to_owned()] };
        for (origin, expected) in [
            (None, true),
            (Some("http://127.0.0.1:3002"), true),
            (Some("https://console.example.org"), true),
            (Some("https://console.example.org.evil.net"), false),
            (Some("http://127.0.0.1:3003"), false),
            (Some("null"), false),
            (Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "127.0.0.1:3002".parse().unwrap());
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
            assert_eq!(may_subscribe(&headers, None, &cors), expected, "{origin:?}");
            let host = headers.remove(HOST).expect("it was set").to_str().unwrap().parse().unwrap();
            assert_eq!(may_subscribe(&headers, Some(&host), &cors), expected, "{origin:?}, over HTTP/2");
        }
    }
}
