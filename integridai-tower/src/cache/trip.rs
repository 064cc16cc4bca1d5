//! A request that was not answered at once: by the store after all, or with the origin's help.

use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Request, Response, StatusCode, request};
use http_body::Body;
use tower_service::Service;

use super::answer::{Content, Reply, reply, whole};
use super::body::CacheBody;
use super::entry::Entry;
use super::errand::{Errand, Purpose};
use super::flight::{Flight, Release, Ticket};
use super::key::Key;
use super::plan::{Asked, Verdict, verdict, without_entry};
use super::shared::Shared;
use super::status::{CACHE_STATUS, Forward, Member};
use super::storable::Asker;
use super::store::{Lookup, Resource};
use super::validate;
use crate::BoxError;
use crate::cache_outcome::CacheOutcome;

/// A request, with the instance of the inner service that was polled ready for it.
pub(super) struct Trip<S, A> {
    pub(super) shared: Arc<Shared>,
    pub(super) inner: S,
    pub(super) head: request::Parts,
    pub(super) body: A,
    /// Of its key.
    pub(super) digest: u128,
    pub(super) asked: Asked,
    pub(super) asker: Asker,
    /// How often it waited in vain for the answer to another.
    pub(super) waited: u8,
}

/// After so many it goes by itself.
const MOST_WAITS: u8 = 2;

/// Where it got to.
pub(super) enum Stop<S, A, B, E> {
    Answered(Response<CacheBody<B>>),
    /// On the way to the origin.
    Flying {
        ticket: Ticket<B, E>,
        riding: Riding<S, A>,
        forward: Forward,
    },
}

/// Who is on a flight.
pub(super) enum Riding<S, A> {
    Leader(Leader),
    /// It may have to go by itself.
    Follower(Box<Trip<S, A>>),
}

/// What is left of a request that was sent on.
pub(super) struct Leader {
    pub(super) shared: Arc<Shared>,
    pub(super) headers: Arc<HeaderMap>,
    pub(super) asked: Asked,
}

impl<S, A> Riding<S, A> {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::Leader(leader) => &leader.shared,
            Self::Follower(trip) => &trip.shared,
        }
    }

    pub(super) fn asked(&self) -> (&Asked, &HeaderMap) {
        match self {
            Self::Leader(leader) => (&leader.asked, &leader.headers),
            Self::Follower(trip) => (&trip.asked, &trip.head.headers),
        }
    }
}

/// The answer of a fresh entry.
pub(super) fn hit<B>(
    shared: &Shared,
    entry: &Entry,
    (asked, request): (&Asked, &HeaderMap),
    now: u64,
) -> Response<CacheBody<B>> {
    if asked.is_plain() {
        return entry.hit(now, &shared.name).map(|()| CacheBody::stored(whole(entry)));
    }
    stored(shared, entry, (asked, request), now, (None, CacheOutcome::Hit))
}

/// The answer of an entry at this time.
pub(super) fn stored<B>(
    shared: &Shared,
    entry: &Entry,
    (asked, request): (&Asked, &HeaderMap),
    now: u64,
    (member, outcome): (Option<Member>, CacheOutcome),
) -> Response<CacheBody<B>> {
    let Reply { status, headers, content } = reply(entry, asked, request, now, member, &shared.name);
    let mut response = Response::new(CacheBody::stored(content));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    outcome.put(response.extensions_mut());
    response
}

/// RFC 9111 §5.2.1.7.
pub(super) fn not_cached<B>(shared: &Shared) -> Response<CacheBody<B>> {
    let mut response = Response::new(CacheBody::stored(Content::Empty));
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    let member = Member { detail: Some("only-if-cached"), ..Member::forwarded(Forward::Request) };
    response.headers_mut().insert(CACHE_STATUS, member.print(&shared.name));
    CacheOutcome::NotCached.put(response.extensions_mut());
    response
}

/// What the store says: the entry for a request, and what is to be done.
pub(super) fn judge<'a>(
    resource: Option<&'a Resource>,
    asked: &Asked,
    headers: &HeaderMap,
    now: u64,
) -> (Verdict, Option<&'a Arc<Entry>>) {
    let Some(resource) = resource else { return (without_entry(asked, Forward::UriMiss), None) };
    match resource.select(headers) {
        Some(entry) => (verdict(entry, asked, headers, now), Some(entry)),
        None => (without_entry(asked, Forward::VaryMiss), None),
    }
}

impl<S, A, B> Trip<S, A>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// The URL that it is for.
    pub(super) fn key(&self) -> Key<'_> {
        self.shared.keys.known(self.digest, &self.head.uri, self.head.headers.get(HOST))
    }

    /// Goes on by what is stored.
    pub(super) fn proceed(self, resource: Option<&Resource>) -> Stop<S, A, B, S::Error> {
        let now = self.shared.now();
        let (verdict, entry) = judge(resource, &self.asked, &self.head.headers, now);
        let entry = entry.map(Arc::clone);
        match (verdict, entry) {
            (Verdict::Fresh, Some(entry)) => {
                let asked = (&self.asked, &self.head.headers);
                Stop::Answered(hit(&self.shared, &entry, asked, self.shared.now()))
            }
            (Verdict::Stale, Some(entry)) => {
                let member = Member::hit(entry.freshness.remaining(now));
                Stop::Answered(self.answer_stale(&entry, member))
            }
            (Verdict::WhileRevalidating, Some(entry)) => self.revalidate(entry, resource, now),
            (Verdict::Validate(forward), entry) => {
                self.board(forward, Purpose::Validate, entry, resource, now)
            }
            (Verdict::Complete, entry) => {
                self.board(Forward::Partial, Purpose::Complete, entry, resource, now)
            }
            (Verdict::Fetch(forward), entry) => self.board(forward, Purpose::Fetch, entry, resource, now),
            (Verdict::NotCached | Verdict::Fresh | Verdict::Stale | Verdict::WhileRevalidating, _) => {
                Stop::Answered(not_cached(&self.shared))
            }
        }
    }

    fn answer_stale(&self, entry: &Entry, member: Member) -> Response<CacheBody<B>> {
        let (asked, told) = ((&self.asked, &self.head.headers), (Some(member), CacheOutcome::StaleHit));
        stored(&self.shared, entry, asked, self.shared.now(), told)
    }

    /// Answers with what is stale, and has somebody else wait for the origin (RFC 5861 §3).
    fn revalidate(
        mut self,
        entry: Arc<Entry>,
        resource: Option<&Resource>,
        now: u64,
    ) -> Stop<S, A, B, S::Error> {
        let purpose = if entry.has_validator() { Purpose::Validate } else { Purpose::Fetch };
        let Some(spawn) = self.shared.spawn.clone() else {
            return self.board(Forward::Stale, purpose, Some(entry), resource, now);
        };
        let member = Member::hit(entry.freshness.remaining(now));
        let response = self.answer_stale(&entry, member);
        self.asked = self.asked.in_background();
        // What one client has or wants of it is nothing to those who wait for the answer.
        validate::ask_whole(&mut self.head.headers);
        if let Stop::Flying { ticket, riding: Riding::Leader(leader), .. } =
            self.board(Forward::Stale, purpose, Some(entry), resource, now)
        {
            spawn(Box::pin(drive(ticket, leader)));
        }
        Stop::Answered(response)
    }

    fn board(
        mut self,
        forward: Forward,
        purpose: Purpose,
        entry: Option<Arc<Entry>>,
        resource: Option<&Resource>,
        now: u64,
    ) -> Stop<S, A, B, S::Error> {
        let began = self.shared.changes.now();
        let id = self.flight_id(purpose, resource, now);
        let shared = Arc::clone(&self.shared);
        let url = self.digest;
        let most = shared.most_waiting;
        let (flight, is_new) = match id {
            Some(id) => shared.flights.board(
                id,
                || Flight::<B, S::Error>::new(Some((id, Arc::clone(&shared.flights))), began),
                |flight| {
                    flight.passengers() < most
                        && flight.is_on_its_way()
                        && shared.changes.is_unchanged_since(flight.began, url)
                },
            ),
            None => (Flight::new(None, began), true),
        };
        let ticket = flight.ticket(is_new);
        if !is_new {
            return Stop::Flying { ticket, riding: Riding::Follower(Box::new(self)), forward };
        }
        if id.is_some()
            && let Some(response) = self.landed()
        {
            return Stop::Answered(response);
        }
        let headers = Arc::new(self.head.headers.clone());
        let leader = Leader { shared: Arc::clone(&shared), headers: Arc::clone(&headers), asked: self.asked };
        let largest_body = shared.rules.largest_body;
        let purpose = adapt(&mut self.head.headers, purpose, entry.as_deref(), largest_body);
        let errand = Errand {
            target: self.head.uri.clone(),
            digest: self.digest,
            headers,
            asked: self.asked,
            asker: self.asker,
            purpose,
            entry,
            requested: now,
            mark: began,
            id,
            shared,
        };
        let call = self.inner.call(Request::from_parts(self.head, self.body));
        flight.launch(Box::pin(call), errand);
        Stop::Flying { ticket, riding: Riding::Leader(leader), forward }
    }

    /// The answer to another request, whose flight ended after the look into the store and before this one began: what
    /// lands is stored before the flight closes.
    fn landed(&self) -> Option<Response<CacheBody<B>>> {
        let Lookup::Decided(Some(resource)) = self.shared.store.find(&self.key()) else { return None };
        let (headers, now) = (&self.head.headers, self.shared.now());
        match judge(Some(&resource), &self.asked, headers, now) {
            (Verdict::Fresh, Some(entry)) => Some(hit(&self.shared, entry, (&self.asked, headers), now)),
            _ => None,
        }
    }

    /// What requests have in common that may share one answer; `None` for one that goes by itself.
    fn flight_id(&self, purpose: Purpose, resource: Option<&Resource>, now: u64) -> Option<u128> {
        let is_own = self.asker.is_authenticated && self.shared.rules.is_shared;
        let may_share = match purpose {
            Purpose::Validate => !self.asked.is_head,
            Purpose::Fetch | Purpose::Complete => self.asked.is_plain() && !is_own,
        };
        if !may_share || self.waited >= MOST_WAITS || self.asker.forbids_storing {
            return None;
        }
        let latest = resource.and_then(|resource| resource.entries().first());
        let id = match latest.map(|entry| &entry.selecting) {
            None => self.digest,
            Some(selecting) if selecting.is_empty() => !self.digest,
            Some(selecting) => self.shared.keys.digest(|hasher| {
                self.digest.hash(hasher);
                selecting.describe(&self.head.headers).hash(hasher);
            }),
        };
        (!self.shared.flights.is_alone(id, now)).then_some(id)
    }

    /// After it waited in vain.
    pub(super) fn released(mut self, release: Option<Release>) -> Self {
        self.waited = match release {
            Some(Release::Failed) => self.waited + 1,
            Some(Release::NotShared) | None => MOST_WAITS,
        };
        self
    }
}

/// Makes the request the one that the origin gets.
fn adapt(headers: &mut HeaderMap, purpose: Purpose, entry: Option<&Entry>, largest_body: usize) -> Purpose {
    let Some(entry) = entry else { return Purpose::Fetch };
    match purpose {
        Purpose::Validate => validate::ask(headers, entry),
        Purpose::Complete if validate::ask_rest(headers, entry, largest_body) => {}
        Purpose::Fetch | Purpose::Complete => return Purpose::Fetch,
    }
    purpose
}

/// Waits for the origin on nobody's behalf.
async fn drive<B, E>(ticket: Ticket<B, E>, leader: Leader)
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Send + 'static,
{
    use super::flight::Arrival;
    let arrival = std::future::poll_fn(|context| ticket.poll(&leader.headers, context)).await;
    drop(ticket);
    if let Arrival::Fetched(own) = arrival {
        let mut body = std::pin::pin!(own.body);
        while let Some(Ok(_)) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {}
    }
}
