//! What a WebSocket and a stream of server-sent events have in common.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use integridai_tower::Principal;
use tokio::time::{Instant, sleep_until};

use super::Api;
use crate::events::{
    Event, EventType, Follower, Gap, Overflow, Reader, TooManySubscribers, TopicError, Topics, User, Wanted,
};
use crate::identity;
use crate::respond::Problem;
use crate::services::{Connection, SystemAlert, TooManyConnections, end_of};

/// What a subscriber asks for.
pub(super) struct Asked {
    wanted: Wanted,
    cursor: Option<u64>,
    overflow: Overflow,
}

/// A subscriber that was let in.
pub(super) struct Subscribed {
    pub(super) follower: Follower,
    /// The figures of now, if it wants them and does not take up where it left.
    pub(super) first: Option<Event>,
    /// When what was presented ends.
    pub(super) ends: Option<Instant>,
    /// Its place among those of its principal; where nobody is told apart, nobody's are counted.
    pub(super) connection: Option<Connection>,
}

/// `Last-Event-ID` (WHATWG HTML §9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

impl Asked {
    pub(super) fn parse(query: &str, headers: &HeaderMap, reader: Reader) -> Result<Self, Problem> {
        let (mut topics, mut cursor, mut overflow) = (String::new(), None, Overflow::default());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "topics" => topics.extend([",", &value]),
                "cursor" => cursor = Some(read_cursor(&value)?),
                "overflow" => overflow = read_overflow(&value)?,
                _ => {}
            }
        }
        // A browser that reconnects has seen more than when its URL was written.
        if let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
            cursor = Some(read_cursor(last.to_str().unwrap_or_default())?);
        }
        let topics = Topics::parse(&topics, &reader).map_err(refused)?;
        Ok(Self { wanted: Wanted { topics, reader }, cursor, overflow })
    }

    pub(super) fn admit(self, api: &Api, principal: &Principal) -> Result<Subscribed, Problem> {
        let connection = match api.is_open {
            true => None,
            false => Some(api.connections.open(principal).map_err(too_many)?),
        };
        let wants_figures = self.wanted.topics.contain(EventType::MetricsUpdate.as_str(), None);
        let first = if wants_figures && self.cursor.is_none() { snapshot(api) } else { None };
        let Self { wanted, cursor, overflow } = self;
        let mut follower = Follower::new(&api.hub, &api.log, wanted, overflow, cursor).map_err(no_room)?;
        if let Some(first) = &first {
            follower.has_figures(first.id);
        }
        Ok(Subscribed { follower, first, ends: end_of(principal), connection })
    }
}

impl Api {
    /// As whom the principal reads events.
    pub(super) fn reader(&self, principal: &Principal) -> Reader {
        if self.sees_all(principal) {
            Reader::Operator
        } else {
            let (id, identity) = (principal.subject().into(), identity::of(principal).into());
            Reader::User(User { id, identity })
        }
    }
}

pub(super) fn read_cursor(text: &str) -> Result<u64, Problem> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let cursor = text.parse().ok().filter(|_| is_number);
    cursor.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "a cursor is the number that an event came with")
    })
}

fn read_overflow(text: &str) -> Result<Overflow, Problem> {
    match text {
        "drop_oldest" => Ok(Overflow::DropOldest),
        "conflate" => Ok(Overflow::Conflate),
        "disconnect" => Ok(Overflow::Disconnect),
        _ => {
            let detail = "overflow is drop_oldest, conflate or disconnect";
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed over by a Result")]
fn refused(error: TopicError) -> Problem {
    match error {
        TopicError::Foreign => {
            Problem::new(StatusCode::FORBIDDEN, "events of another user are for that user and for `admin`")
        }
        error => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed over by a Result")]
fn too_many(error: TooManyConnections) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()).retry_after(Some(SOON))
}

#[allow(clippy::needless_pass_by_value, reason = "handed over by a Result")]
fn no_room(error: TooManySubscribers) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).retry_after(Some(SOON))
}

const SOON: Duration = Duration::from_secs(10);

/// Where there are none yet, those to come reach this subscriber like any other.
fn snapshot(api: &Api) -> Option<Event> {
    let snapshot = api.consolidated.latest()?;
    let data: &serde_json::value::RawValue = serde_json::from_slice(&snapshot.body).ok()?;
    let event = Event::new(EventType::MetricsUpdate, "gateway", data).ok()?;
    Some(Event { id: snapshot.id, ..event })
}

/// What a subscriber is told of events that it does not get.
pub(super) fn notice(gap: &Gap) -> String {
    let message = match gap.reason {
        "pruned" => format!("events up to {} are no longer in the log", gap.through),
        "unknown_cursor" => format!("the log has not come as far as {}", gap.after),
        _ => format!("{} events were missed: too slow", gap.through.saturating_sub(gap.after)),
    };
    let mut alert = SystemAlert::new("warning", "events_missed", "gateway", message);
    alert.gap = Some(*gap);
    let frame = Event::new(EventType::SystemAlert, "gateway", &alert).map(|event| event.to_frame());
    frame.unwrap_or_default()
}

pub(super) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, last: Option<&str>) -> Result<(Option<u64>, Overflow), StatusCode> {
        let mut headers = HeaderMap::new();
        headers
            .extend(last.map(|last| (http::HeaderName::from_static(LAST_EVENT_ID), last.parse().unwrap())));
        let ann = User { id: "ann".into(), identity: "|ann".into() };
        let asked = Asked::parse(query, &headers, Reader::User(ann));
        asked.map(|asked| (asked.cursor, asked.overflow)).map_err(|problem| problem.status())
    }

    #[test]
    fn a_query_is_read_whatever_else_stands_in_it_and_refused_when_it_makes_no_sense() {
        let (oldest, bad) = (Overflow::DropOldest, StatusCode::BAD_REQUEST);
        for (query, last, expected) in [
            ("", None, Ok((None, oldest))),
            ("ticket=x&a=1", Some(""), Ok((None, oldest))),
            ("cursor=7&overflow=conflate", None, Ok((Some(7), Overflow::Conflate))),
            ("cursor=7&overflow=disconnect", Some("9"), Ok((Some(9), Overflow::Disconnect))),
            ("topics=user%3Aann%2Ca", None, Ok((None, oldest))),
            ("topics=a&topics=user:bob", None, Err(StatusCode::FORBIDDEN)),
            ("topics=A", None, Err(bad)),
            ("cursor=", None, Err(bad)),
            ("cursor=+7", None, Err(bad)),
            ("cursor=-1", None, Err(bad)),
            ("cursor=18446744073709551616", None, Err(bad)),
            ("cursor=1", Some("x"), Err(bad)),
            ("overflow=wait", None, Err(bad)),
        ] {
            assert_eq!(asked(query, last), expected, "{query} {last:?}");
        }
    }
}
