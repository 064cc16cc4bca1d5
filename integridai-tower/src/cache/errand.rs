//! What is made of the origin's answer, for whoever waits for it and for the store.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HOST};
use http::{HeaderMap, Response, StatusCode, Uri, response};
use http_body::{Body, Frame};

use super::answer::Content;
use super::assess::{Draft, Outline, Question, Times, confirms_for_one, is_explicit, outline, redraft};
use super::body::CacheBody;
use super::entry::Entry;
use super::flight::{Landing, Own, Release, Served};
use super::key::Key;
use super::parts::{joint_content, joint_draft};
use super::plan::{Asked, may_stand_in};
use super::range::Part;
use super::shared::Shared;
use super::storable::Asker;
use super::store::Terms;
use super::stream::{First, Keep, Source, Stream};
use super::validate::{is_confirmed, is_confirmed_by_head, merged};
use crate::{BoxError, Refused};

/// A request as it was sent on, and what is known of the URL.
pub(super) struct Errand {
    pub(super) shared: Arc<Shared>,
    /// Of its key.
    pub(super) digest: u128,
    pub(super) target: Uri,
    /// Of the client.
    pub(super) headers: Arc<HeaderMap>,
    pub(super) asked: Asked,
    pub(super) asker: Asker,
    pub(super) purpose: Purpose,
    /// What is stored for such a request.
    pub(super) entry: Option<Arc<Entry>>,
    pub(super) requested: u64,
    /// What had been invalidated by then.
    pub(super) mark: u64,
    /// The flight.
    pub(super) id: Option<u128>,
}

/// What it is to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Fetch,
    /// Whether the entry is still right.
    Validate,
    /// What the stored part lacks.
    Complete,
}

impl Errand {
    pub(super) fn settle<B, E>(
        self: Box<Self>,
        answer: Result<Response<B>, E>,
        context: &mut Context<'_>,
    ) -> Landing<B, E>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let received = self.shared.now();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return self
                    .stand_in(false, None, received)
                    .unwrap_or(Landing::Alone { answer: Some(Err(error)), release: Release::Failed });
            }
        };
        let status = answer.status();
        if is_failing(status) {
            // A layer that did not let the request through: the origin was not reached.
            let is_told = answer.extensions().get::<Refused>().is_none();
            if let Some(landing) = self.stand_in(is_told, Some(status), received) {
                return landing;
            }
            if !is_told {
                return alone(answer);
            }
        }
        match (self.purpose, status) {
            (Purpose::Validate, StatusCode::NOT_MODIFIED) => self.confirm(answer, received),
            (Purpose::Complete, StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE)
                if !self.is_rest(&answer) =>
            {
                self.misfit(answer)
            }
            _ if self.asked.is_head => {
                self.hear_head(&answer, received);
                alone(answer)
            }
            _ => self.store(answer, received, context),
        }
    }

    /// The URL that it is for.
    pub(super) fn key(&self) -> Key<'_> {
        self.shared.keys.known(self.digest, &self.target, self.headers.get(HOST))
    }

    /// Whether the answer says itself how long it is fresh.
    pub(super) fn is_explicit<B>(&self, answer: &Response<B>) -> bool {
        let question = self.question(self.shared.now());
        is_explicit(&question, answer.status(), answer.headers(), &self.shared.rules)
    }

    fn question(&self, received: u64) -> Question<'_> {
        let times = Times { requested: self.requested, received };
        Question { target: &self.target, headers: &self.headers, asker: self.asker, times }
    }

    fn stand_in<B, E>(&self, is_told: bool, status: Option<StatusCode>, now: u64) -> Option<Landing<B, E>> {
        let entry = self.entry.as_ref().filter(|entry| may_stand_in(entry, &self.asked, is_told, now))?;
        Some(Landing::Stored {
            entry: Arc::clone(entry),
            served: Served::InPlaceOfError(status),
            is_shared: true,
        })
    }

    /// RFC 9111 §4.3.4.
    fn confirm<B, E>(&self, answer: Response<B>, received: u64) -> Landing<B, E> {
        let Some(entry) = &self.entry else { return alone(answer) };
        if !is_confirmed(entry, answer.headers()) {
            return Landing::Stored { entry: Arc::clone(entry), served: Served::Confirmed, is_shared: false };
        }
        let (entry, is_stored) = self.renew(entry, answer.headers(), received);
        Landing::Stored { entry, served: Served::Confirmed, is_shared: is_stored }
    }

    fn renew(&self, entry: &Entry, headers: &HeaderMap, received: u64) -> (Arc<Entry>, bool) {
        let merged = merged(entry, headers, received);
        let (question, rules) = (self.question(received), &self.shared.rules);
        let (draft, may_be_stored) = redraft(&question, entry, merged, rules);
        let may_be_stored = may_be_stored && !confirms_for_one(&question, entry.status, headers, rules);
        let entry = Arc::new(draft.finish(entry.body.clone(), entry.trailers.as_deref().cloned()));
        let terms = self.terms();
        let is_stored = may_be_stored && terms.hold(&self.key());
        if is_stored {
            self.shared.store.put(&self.key(), Arc::clone(&entry), &terms);
        }
        (entry, is_stored)
    }

    /// RFC 9111 §4.3.5.
    fn hear_head<B>(&self, answer: &Response<B>, received: u64) {
        let Some(entry) = self.entry.as_ref().filter(|_| answer.status() == StatusCode::OK) else { return };
        if entry.status == StatusCode::OK && is_confirmed_by_head(entry, answer.headers()) {
            self.renew(entry, answer.headers(), received);
        } else {
            self.shared.store.expire(&self.key(), entry, &self.terms());
        }
    }

    fn store<B, E>(
        self: Box<Self>,
        answer: Response<B>,
        received: u64,
        context: &mut Context<'_>,
    ) -> Landing<B, E>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut head, body) = answer.into_parts();
        let outlined = outline(&self.question(received), head.status, &head.headers, &self.shared.rules);
        let length = length_of(&head.headers, &body);
        let most = self.shared.rules.largest_body;
        let fits = |length: u64| usize::try_from(length).is_ok_and(|length| length <= most);
        let Some(outline) = outlined.filter(|_| length.is_none_or(fits)) else {
            if self.purpose == Purpose::Complete && head.status == StatusCode::PARTIAL_CONTENT {
                return self.misfit(Response::from_parts(head, body));
            }
            if let Some(id) = self.id {
                self.shared.flights.note_alone(id, received);
            }
            return alone(Response::from_parts(head, body));
        };
        self.id.inspect(|id| self.shared.flights.note_shared(*id));
        let mut body = Box::pin(body);
        let first = match length {
            Some(length) if self.purpose != Purpose::Complete => {
                match in_one_piece(body.as_mut(), length, context) {
                    Ok(content) => return self.land_whole(head, outline, content),
                    Err(first) => first,
                }
            }
            _ => Poll::Pending,
        };
        let mut draft = outline.draft(&head.headers);
        let begun = self.complete(&mut head, &mut draft);
        let length = length.map(|length| length + begun.len() as u64);
        let shared = Arc::new(draft);
        let keep = Box::new(Keeping { errand: self, draft: Arc::clone(&shared) });
        let stream = Stream::new(Source { body, first, begun, length, most, keep });
        let leader = stream.read().map(|reader| Box::new(Own { head, body: CacheBody::shared(reader) }));
        Landing::Streaming { leader, shared, stream }
    }

    fn land_whole<B, E>(&self, head: response::Parts, outline: Outline, content: Bytes) -> Landing<B, E> {
        // In a piece of its own: what came may be a slice of a much larger buffer.
        let entry = Arc::new(outline.finish(&head.headers, Bytes::copy_from_slice(&content)));
        let (key, terms) = (self.key(), self.terms());
        if terms.hold(&key) {
            self.shared.store.put(&key, Arc::clone(&entry), &terms);
        }
        let body = CacheBody::stored(Content::Whole { bytes: content, trailers: None });
        Landing::Whole { leader: Some(Box::new(Own { head, body })), entry }
    }

    /// Whether it is what the stored part lacks, and all of it.
    fn is_rest<B>(&self, answer: &Response<B>) -> bool {
        let rest = answer.headers().get(CONTENT_RANGE).and_then(Part::read);
        let stored = self.entry.as_ref().and_then(|entry| entry.part.zip(entry.headers().get(ETAG)));
        let Some((rest, (part, tag))) = rest.zip(stored) else { return false };
        answer.status() == StatusCode::PARTIAL_CONTENT
            && answer.headers().get(ETAG) == Some(tag)
            && rest.first == part.last + 1
            && rest.total == part.total
            && rest.total == Some(rest.last + 1)
    }

    /// A part that does not fit, or cannot be put to what is stored, is no answer to a client that asked for the whole (RFC 9110 §15.6.3).
    fn misfit<B, E>(&self, mut answer: Response<B>) -> Landing<B, E> {
        self.entry.iter().for_each(|entry| self.shared.store.expire(&self.key(), entry, &self.terms()));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        answer.headers_mut().remove(CONTENT_RANGE);
        alone(answer)
    }

    /// Makes a whole answer of a stored part and the rest that was asked for (RFC 9111 §3.4).
    fn complete(&self, head: &mut http::response::Parts, draft: &mut Draft) -> Bytes {
        let begun = self.entry.as_ref().filter(|_| self.purpose == Purpose::Complete);
        let Some((entry, rest)) = begun.zip(draft.part) else { return Bytes::new() };
        let is_rest = entry.part.is_some_and(|part| part.last + 1 == rest.first);
        let Some(whole) = joint_draft(entry, draft).filter(|whole| is_rest && whole.part.is_none()) else {
            return Bytes::new();
        };
        head.status = whole.status;
        head.headers = whole.headers.clone();
        *draft = whole;
        entry.body.clone()
    }

    fn terms(&self) -> Terms<'_> {
        let Shared { rules, changes, .. } = &*self.shared;
        Terms { most_variants: rules.most_variants, changes, mark: self.mark }
    }
}

/// Stores an answer once it is whole.
struct Keeping {
    errand: Box<Errand>,
    draft: Arc<Draft>,
}

impl Keep for Keeping {
    fn complete(self: Box<Self>, content: Bytes, trailers: Option<HeaderMap>) {
        let Self { errand, draft } = *self;
        let terms = errand.terms();
        let key = errand.key();
        if !terms.hold(&key) {
            return;
        }
        let joint = errand.entry.as_ref().zip(draft.part).and_then(|(entry, part)| {
            Some((joint_draft(entry, &draft)?, joint_content(entry, part, &content)?))
        });
        let entry = match joint {
            Some((draft, content)) => draft.finish(content, trailers),
            None => draft.finish(content, trailers),
        };
        let entry = Arc::new(entry);
        errand.shared.store.put(&key, entry, &terms);
    }

    fn give_up(self: Box<Self>) {
        if let Some(id) = self.errand.id {
            self.errand.shared.flights.note_alone(id, self.errand.shared.now());
        }
    }
}

/// The statuses that `stale-if-error` is about (RFC 5861 §4).
fn is_failing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// All of the content, if it is here at once; else what there was.
fn in_one_piece<B>(mut body: Pin<&mut B>, length: u64, context: &mut Context<'_>) -> Result<Bytes, First>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return if length == 0 { Ok(Bytes::new()) } else { Err(Poll::Pending) };
    }
    let first = body.as_mut().poll_frame(context);
    let first = first.map(|frame| frame.map(|frame| frame.map_err(Into::into)));
    match first {
        Poll::Ready(Some(Ok(frame))) if body.is_end_stream() => match frame.into_data() {
            Ok(content) if content.len() as u64 == length => Ok(content),
            Ok(content) => Err(Poll::Ready(Some(Ok(Frame::data(content))))),
            Err(frame) => Err(Poll::Ready(Some(Ok(frame)))),
        },
        first => Err(first),
    }
}

fn alone<B, E>(answer: Response<B>) -> Landing<B, E> {
    Landing::Alone { answer: Some(Ok(answer)), release: Release::NotShared }
}

fn length_of<B: Body>(headers: &HeaderMap, body: &B) -> Option<u64> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    stated.or_else(|| body.size_hint().exact())
}
