//! `POST /api/v1/events`

use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use integridai_tower::{CorrelationId, Principal};
use serde::Serialize;
use utoipa::ToSchema;

use super::incoming::{Form, Incoming, Refused};
use super::shapes::NewEvent;
use super::{Api, State};
use crate::orchestration::{NotAccepted, Triggered};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::store::{Appended, SystemEvent};

/// What became of the events, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublishedEvents {
    /// One for each.
    events: Vec<PublishedEvent>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublishedEvent {
    /// Its id in the log.
    #[schema(example = "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")]
    id: String,
    /// Its place in the log.
    #[schema(example = 4711)]
    cursor: u64,
    /// Whether it was not there yet: `false` when its source has handed in the same id before.
    #[schema(example = true)]
    is_new: bool,
    /// The execution that it started, where `[triggers]` has a workflow for its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_id: Option<String>,
    /// Why it started none although there is a workflow for its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the event's data is no payload of training_sync")]
    not_started: Option<String>,
}

/// Publishes events.
///
/// One as plain JSON, or `CloudEvents` 1.0 as HTTP carries them: structured, binary (`ce-` fields) or in a batch, with JSON as data.
/// Answers once all of them are safe in the log, from where subscribers get them, and what they start is safe in the queue: all of it or nothing. An event whose `source` has handed in the same
/// `id` before, and is still in the log, is not taken again, so that a request can be repeated until it is answered. Under a source that
/// is bound to its publishers (`[events.sources]`) nobody else publishes; under any other, each publisher's ids are its own. An event of a user (`user_id`, in
/// `CloudEvents` the extension `userid`) is for that user and for `admin` alone, unless its type is one of the gateway's own four;
/// `user_issuer` (`userissuer`) says which user of this name. What an event starts is its publisher's execution.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    tag = "events",
    request_body(description = "An event, or several", content(
        (NewEvent = "application/json"),
        (Object = "application/cloudevents+json"),
        (Vec<Object> = "application/cloudevents-batch+json"),
    )),
    responses(
        (status = 200, description = "All of them were there already", body = PublishedEvents),
        (status = 202, description = "They are in the log", body = PublishedEvents),
        (status = 400, description = "No JSON", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 403, description = "A source that is others', or the credentials lack the scope; `WWW-Authenticate` names that", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 408, description = "The request was sent too slowly", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many events", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 415, description = "Declared as something else", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "Wrong fields, each with a pointer; nothing was taken", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The events, or what they start, cannot be stored at the moment; hand in the same ones again", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn publish(
    axum::extract::State(api): State,
    Extension(correlation_id): Extension<CorrelationId>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let form = Form::of(&headers).ok_or_else(|| {
        let detail = "the Content-Type must be application/json, or that of CloudEvents in JSON";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })?;
    let body = body.map_err(|rejection| super::execute::unread(&rejection))?;
    let most = api.realtime.max_published_events.get();
    let events =
        form.read(&headers, &body, most, correlation_id.as_str()).map_err(|why| refused(why, most))?;
    let events = attributed(&api, &principal, events, form == Form::Batch)?;
    let published = api.triggers.publish(events, &api.identity(&principal)).await.map_err(not_stored)?;
    let new = published.iter().filter(|(appended, _)| appended.is_new).count();
    metrics::counter!("integridai_events_published_total", "outcome" => "new").increment(new as u64);
    let known = (published.len() - new) as u64;
    metrics::counter!("integridai_events_published_total", "outcome" => "known").increment(known);
    let status = if new > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    let events = published.into_iter().map(PublishedEvent::from).collect();
    Ok((status, axum::Json(PublishedEvents { events })).into_response())
}

impl From<(Appended, Triggered)> for PublishedEvent {
    fn from((appended, triggered): (Appended, Triggered)) -> Self {
        let (workflow_id, not_started) = match triggered {
            Triggered::Started(id) | Triggered::Before(id) => (Some(id.to_string()), None),
            Triggered::Refused(why) => (None, Some(why.to_string())),
            Triggered::Nothing => (None, None),
        };
        let Appended { id, cursor, is_new } = appended;
        Self { id: id.to_string(), cursor, is_new, workflow_id, not_started }
    }
}

/// With whose they are: all of them, or what is wrong with any.
fn attributed(
    api: &Api,
    publisher: &Principal,
    events: Vec<Incoming>,
    is_batch: bool,
) -> Result<Vec<SystemEvent>, Problem> {
    let (mut attributed, mut errors) = (Vec::with_capacity(events.len()), Vec::new());
    for (place, Incoming { mut event, user_issuer }) in events.into_iter().enumerate() {
        let among = api.publishers.among(&event.service_name, publisher);
        event.publisher = among.map_err(|error| Problem::new(StatusCode::FORBIDDEN, error.to_string()))?;
        let owner = |user: &String| api.publishers.owner(user, user_issuer.as_deref(), publisher);
        match event.user_id.as_ref().map(owner).transpose() {
            Ok(owner) => event.owner = owner.flatten(),
            Err(error) => {
                let at = if is_batch { format!("/{place}") } else { String::new() };
                errors.push(FieldError { pointer: format!("{at}/user_issuer"), detail: error.to_string() });
            }
        }
        attributed.push(event);
    }
    if errors.is_empty() { Ok(attributed) } else { Err(Problem::fields(errors)) }
}

fn refused(refused: Refused, most: usize) -> Problem {
    match refused {
        Refused::Malformed(detail) => Problem::new(StatusCode::BAD_REQUEST, detail),
        Refused::TooMany => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {most} events are taken at once"))
        }
        Refused::Wrong(errors) => Problem::fields(errors),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed over by a Result")]
fn not_stored(error: NotAccepted) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "events were not stored");
    let detail = match &error {
        NotAccepted::Store(error) if error.is_refusal() => {
            // Such as a number of JSON that has no place in the database.
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the data of an event cannot be stored");
        }
        NotAccepted::Store(_) => "events cannot be stored at the moment",
        _ => "there is no room for what the events start; hand in the same ones again",
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Some(Duration::from_secs(10)))
}
