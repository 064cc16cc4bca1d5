//! Events as they are handed in: plain JSON, or `CloudEvents` 1.0 in each of their forms, read by hand so that every wrong
//! field is pointed at.

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::events::is_event_type;
use crate::respond::FieldError;
use crate::store::{JsonText, SystemEvent};
use crate::timestamp;

/// An event, and of which issuer its user is, if it says so.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) event: SystemEvent,
    pub(super) user_issuer: Option<String>,
}

/// How events come (`CloudEvents` HTTP protocol binding §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Members of our own names.
    Plain,
    /// One event with its attributes in the body.
    Structured,
    /// The attributes in `ce-` fields, the data in the body.
    Binary,
    /// Several structured ones.
    Batch,
}

/// Why nothing was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed(String),
    TooMany,
    Wrong(Vec<FieldError>),
}

const SPEC_VERSION: &str = "ce-specversion";
const MAX_ERRORS: usize = 20;
/// As much as the log keeps.
const MAX_NAME: usize = 255;
const MAX_ID: usize = 100;

/// Where one reads the attributes of an event in which form.
struct Names {
    timestamp: &'static str,
    correlation_id: &'static str,
    user_id: &'static str,
    user_issuer: &'static str,
    is_cloud_event: bool,
}

const PLAIN: Names = Names {
    timestamp: "timestamp",
    correlation_id: "correlation_id",
    user_id: "user_id",
    user_issuer: "user_issuer",
    is_cloud_event: false,
};

/// Names of extensions are of lower-case letters and digits alone (`CloudEvents` §3.1).
const CLOUD_EVENT: Names = Names {
    timestamp: "time",
    correlation_id: "correlationid",
    user_id: "userid",
    user_issuer: "userissuer",
    is_cloud_event: true,
};

impl Form {
    /// What the head says; `None`: nothing that is taken here.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let essence =
            headers.get(CONTENT_TYPE).map_or(Some(""), |value| value.to_str().ok()?.split(';').next());
        let essence = essence?.trim().to_ascii_lowercase();
        let is_json = essence == "application/json"
            || essence.starts_with("application/") && essence.ends_with("+json");
        match &*essence {
            "application/cloudevents+json" => Some(Self::Structured),
            "application/cloudevents-batch+json" => Some(Self::Batch),
            _ if essence.starts_with("application/cloudevents") => None,
            _ if headers.contains_key(SPEC_VERSION) && (is_json || essence.is_empty()) => Some(Self::Binary),
            _ if is_json => Some(Self::Plain),
            _ => None,
        }
    }

    /// The events in the body, at most `most`; one that names no request is of `correlation_id`.
    pub(super) fn read(
        self,
        headers: &HeaderMap,
        body: &[u8],
        most: usize,
        correlation_id: &str,
    ) -> Result<Vec<Incoming>, Refused> {
        let mut errors = Vec::new();
        let events = match self {
            Self::Plain => vec![Attributes::of(&parse(body)?, "", &PLAIN, &mut errors).event()],
            Self::Structured => vec![Attributes::of(&parse(body)?, "", &CLOUD_EVENT, &mut errors).event()],
            Self::Binary => vec![binary(headers, body, &mut errors)?],
            Self::Batch => {
                let all: Vec<Members<'_>> = parse(body)?;
                if all.len() > most {
                    return Err(Refused::TooMany);
                }
                let read = |(index, members): (usize, &Members<'_>)| {
                    Attributes::of(members, &format!("/{index}"), &CLOUD_EVENT, &mut errors).event()
                };
                all.iter().enumerate().map(read).collect()
            }
        };
        if !errors.is_empty() {
            errors.truncate(MAX_ERRORS);
            return Err(Refused::Wrong(errors));
        }
        let caused = |mut incoming: Incoming| {
            incoming.event.correlation_id.get_or_insert_with(|| correlation_id.to_owned());
            incoming
        };
        // Without errors each of them is there.
        Ok(events.into_iter().flatten().map(caused).collect())
    }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

fn parse<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_data() { "of another shape than is expected" } else { "not JSON" };
        Refused::Malformed(format!("the body is {what}: {error}"))
    })
}

/// Values of fields are percent-encoded (`CloudEvents` HTTP protocol binding §3.1.3.2).
fn binary(
    headers: &HeaderMap,
    body: &[u8],
    errors: &mut Vec<FieldError>,
) -> Result<Option<Incoming>, Refused> {
    let attribute = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let name = name.as_str().strip_prefix("ce-").filter(|name| !name.starts_with("data"))?;
        let text = percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned();
        Some((name.to_owned(), serde_json::value::to_raw_value(&text).ok()?))
    };
    let held: Vec<_> = headers.iter().filter_map(attribute).collect();
    let mut members: Members<'_> = held.iter().map(|(name, value)| (name.clone(), &**value)).collect();
    if !body.is_empty() {
        members.insert("data".to_owned(), parse(body)?);
    }
    Ok(Attributes::of(&members, "", &CLOUD_EVENT, errors).event())
}

/// The attributes of one event on their way into the log.
struct Attributes<'a> {
    members: &'a Members<'a>,
    at: &'a str,
    names: &'a Names,
    errors: &'a mut Vec<FieldError>,
}

impl<'a> Attributes<'a> {
    fn of(members: &'a Members<'a>, at: &'a str, names: &'a Names, errors: &'a mut Vec<FieldError>) -> Self {
        Self { members, at, names, errors }
    }

    fn event(mut self) -> Option<Incoming> {
        let before = self.errors.len();
        self.check_members();
        let kind = self.required("type", is_event_type, "expected 1 to 50 of a-z, 0-9, `_`, `.` and `-`");
        let source =
            self.required("source", is_source, "expected 1 to 255 visible characters, and not `gateway`");
        let event_id = match self.names.is_cloud_event {
            true => self.required("id", is_name, "expected 1 to 255 visible characters"),
            false => self.optional("id", is_name, "expected 1 to 255 visible characters"),
        };
        let timestamp = self.moment();
        let short = "expected 1 to 100 visible characters";
        let correlation_id = self.optional(self.names.correlation_id, is_id, short);
        let user_id = self.optional(self.names.user_id, is_id, short);
        let issuer = "expected a text of at most 255 characters, beside a user";
        let has_user = user_id.is_some();
        let user_issuer = self.optional(self.names.user_issuer, is_issuer, issuer).filter(|_| has_user);
        let data = self.members.get("data").map_or("null", |raw| raw.get());
        let payload = JsonText::parse(data).ok();
        if payload.is_none() {
            self.wrong("data", "expected JSON");
        }
        if self.errors.len() > before {
            return None;
        }
        let event = SystemEvent {
            id: Uuid::now_v7(),
            event_type: kind?,
            service_name: source?,
            payload: payload?,
            timestamp: timestamp.unwrap_or_else(OffsetDateTime::now_utc),
            correlation_id,
            user_id,
            event_id,
            owner: None,
            publisher: String::new(),
        };
        Some(Incoming { event, user_issuer })
    }

    fn check_members(&mut self) {
        if self.names.is_cloud_event {
            self.required("specversion", |version| version == "1.0", "expected \"1.0\"");
            if self.members.contains_key("data_base64") {
                self.wrong("data_base64", "only JSON is taken, as `data`");
            }
            return;
        }
        let known = ["type", "source", "data", "id", "timestamp", "correlation_id", "user_id", "user_issuer"];
        let unknown: Vec<&String> =
            self.members.keys().filter(|name| !known.contains(&name.as_str())).take(MAX_ERRORS).collect();
        unknown.into_iter().for_each(|name| self.wrong(name, "there is no such member"));
    }

    fn required(&mut self, name: &str, fits: fn(&str) -> bool, expected: &str) -> Option<String> {
        if !self.members.contains_key(name) {
            self.wrong(name, "is missing");
            return None;
        }
        let text = self.text(name).filter(|text| fits(text));
        if text.is_none() {
            self.wrong(name, expected);
        }
        text
    }

    fn optional(&mut self, name: &str, fits: fn(&str) -> bool, expected: &str) -> Option<String> {
        let is_there = self.members.get(name).is_some_and(|raw| raw.get() != "null");
        if is_there { self.required(name, fits, expected) } else { None }
    }

    fn moment(&mut self) -> Option<OffsetDateTime> {
        let name = self.names.timestamp;
        let text =
            self.optional(name, |text| timestamp::parse(text).is_some(), "expected a moment as in RFC 3339")?;
        timestamp::parse(&text)
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.members.get(name)?.get()).ok()
    }

    fn wrong(&mut self, name: &str, detail: &str) {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.errors.push(FieldError { pointer: format!("{}/{name}", self.at), detail: detail.to_owned() });
    }
}

fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Nobody else speaks for the gateway.
fn is_source(text: &str) -> bool {
    is_name(text) && text != "gateway"
}

fn is_name(text: &str) -> bool {
    is_visible(text, MAX_NAME)
}

/// Empty: none, as API keys have it.
fn is_issuer(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_id(text: &str) -> bool {
    is_visible(text, MAX_ID)
}

#[cfg(test)]
mod tests;
