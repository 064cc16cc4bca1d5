//! `GET /api/v1/events`

use std::time::Duration;

use axum::Extension;
use axum::extract::OriginalUri;
use http::StatusCode;
use integridai_tower::Principal;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::subscription::read_cursor;
use crate::events::{Reader, is_event_type};
use crate::respond::{Problem, ProblemSchema};
use crate::store::{EventFilter, EventPage, EventRange, JsonText, LoggedEvent, PageLimit, StoreError};
use crate::timestamp;

/// A part of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedEvents {
    /// The events, in the order that was asked for.
    events: Vec<EventEntry>,
    /// The cursor to go on with, also where a page has fewer events than the limit, or none; `null`: there is nothing more by now.
    #[schema(example = 4711)]
    next_cursor: Option<u64>,
    /// Events up to this cursor may no longer be there; 0: all are.
    #[schema(example = 0)]
    pruned_through: u64,
}

/// An event as the log has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventEntry {
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "analysis_complete")]
    kind: String,
    /// The facts.
    #[schema(value_type = serde_json::Value)]
    data: JsonText,
    /// When it happened.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    timestamp: String,
    /// Unique; ids sort by the time at which the gateway learned of it.
    #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    id: String,
    /// Its place in the log.
    #[schema(example = 4711)]
    cursor: u64,
    /// Where it comes from.
    #[schema(example = "regtech")]
    source: String,
    /// The request that caused it.
    correlation_id: Option<String>,
    /// What its source calls it.
    event_id: Option<String>,
    /// Whom it belongs to, for that user and for `admin`.
    user_id: Option<String>,
}

#[derive(Debug)]
struct Asked {
    filter: EventFilter,
    cursor: Option<u64>,
    newest_first: bool,
    limit: u32,
}

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;
/// A page that is larger ends early, and is gone on from.
const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_VALUE: usize = 255;
const MAX_TYPES: usize = 32;

/// The log of events.
///
/// In the order of cursors, the oldest first, or the newest with `order=desc`. Whoever goes on with `next_cursor` sees each event
/// once: a page may have fewer events than `limit`, or none, where few fit the filters or they are large. It has what the caller may see: events of other users are for `admin`, unless their type is one of the gateway's own four.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "list_events",
    tag = "events",
    params(
        ("type" = Option<String>, Query, description = "One of these types, separated by commas", example = "analysis_complete,system_alert"),
        ("source" = Option<String>, Query, description = "From this source", example = "regtech"),
        ("correlation_id" = Option<String>, Query, description = "Of this request"),
        ("user_id" = Option<String>, Query, description = "Of this user; another's are for `admin`"),
        ("since" = Option<String>, Query, description = "Happened at this moment (RFC 3339) or later", example = "2026-11-24T10:00:00Z"),
        ("until" = Option<String>, Query, description = "Happened before this moment"),
        ("order" = Option<String>, Query, description = "`asc` or `desc`", example = "asc"),
        ("cursor" = Option<u64>, Query, description = "Goes on after this event, or with `order=desc` before it", example = 4711),
        ("limit" = Option<u32>, Query, description = "At most so many, 1 to 1000; 100 if nothing is said", example = 100),
    ),
    responses(
        (status = 200, description = "Events", body = LoggedEvents),
        (status = 400, description = "A parameter that makes no sense, or is not known", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 403, description = "The events of another user", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be read at the moment", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    axum::extract::State(api): State,
    OriginalUri(uri): OriginalUri,
    Extension(principal): Extension<Principal>,
) -> Result<axum::Json<LoggedEvents>, Problem> {
    let reader = api.reader(&principal);
    let Asked { filter, cursor, newest_first, limit } =
        Asked::parse(uri.query().unwrap_or_default(), &reader)?;
    let range = match newest_first {
        true => EventRange::Before(cursor.unwrap_or(u64::MAX)),
        false => EventRange::after(cursor.unwrap_or(0)),
    };
    let limit = PageLimit { events: limit, bytes: MAX_BYTES };
    let page = api.store.events(range, filter, limit).await.map_err(unread)?;
    let EventPage { events, next: next_cursor, pruned_through } = page;
    let events = events.into_iter().map(|logged| EventEntry::of(logged, &reader)).collect();
    Ok(axum::Json(LoggedEvents { events, next_cursor, pruned_through }))
}

#[allow(clippy::needless_pass_by_value, reason = "handed over by a Result")]
fn unread(error: StoreError) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "the log of events cannot be read");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "events cannot be read at the moment")
        .retry_after(Some(Duration::from_secs(10)))
}

impl Asked {
    fn parse(query: &str, reader: &Reader) -> Result<Self, Problem> {
        let filter = EventFilter { reader: reader.in_log(), ..EventFilter::default() };
        let mut asked = Self { filter, cursor: None, newest_first: false, limit: DEFAULT_LIMIT };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            asked.set(&name, &value)?;
        }
        let foreign = asked.filter.user_id.as_deref().is_some_and(|user| !reader.may_follow(user));
        if foreign {
            let detail = "events of another user are for that user and for `admin`";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        Ok(asked)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let wrong = |expected: &str| {
            let shown: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
            Problem::new(StatusCode::BAD_REQUEST, format!("{shown}: {expected}"))
        };
        let text = || match value.len() {
            1..=MAX_VALUE => Ok(Some(value.to_owned())),
            _ => Err(wrong("expected 1 to 255 bytes")),
        };
        let at =
            || timestamp::parse(value).map(Some).ok_or_else(|| wrong("expected a moment as in RFC 3339"));
        match name {
            "type" => self.filter.types = types(value).ok_or_else(|| wrong("expected types of events"))?,
            "source" => self.filter.source = text()?,
            "correlation_id" => self.filter.correlation_id = text()?,
            "user_id" => self.filter.user_id = text()?,
            "since" => self.filter.since = at()?,
            "until" => self.filter.until = at()?,
            "cursor" => self.cursor = Some(read_cursor(value)?),
            "order" => self.newest_first = order(value).ok_or_else(|| wrong("expected asc or desc"))?,
            "limit" => self.limit = limit(value).ok_or_else(|| wrong("expected 1 to 1000"))?,
            _ => return Err(wrong("there is no such parameter")),
        }
        Ok(())
    }
}

fn types(value: &str) -> Option<Vec<String>> {
    let types: Vec<String> = value.split(',').map(str::to_owned).collect();
    (types.len() <= MAX_TYPES && types.iter().all(|kind| is_event_type(kind))).then_some(types)
}

fn order(value: &str) -> Option<bool> {
    match value {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    }
}

fn limit(value: &str) -> Option<u32> {
    value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

impl EventEntry {
    fn of(logged: LoggedEvent, reader: &Reader) -> Self {
        let LoggedEvent { cursor, event } = logged;
        Self {
            kind: event.event_type,
            data: event.payload,
            timestamp: timestamp::format(event.timestamp),
            id: event.id.to_string(),
            cursor,
            source: event.service_name,
            correlation_id: event.correlation_id,
            event_id: event.event_id,
            user_id: event.user_id.filter(|_| reader.knows(event.owner.as_deref())),
        }
    }
}
