//! A client's request becomes one to a service, or is refused.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::uri::{Authority, Scheme};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, request,
};
use http_body::Body as _;
use integridai_tower::correlation::TraceContext;
use integridai_tower::{CorrelationId, Deadline, Principal};
use tokio::time::Instant;

use super::forwarded::{self, Seen, host_of};
use super::names::{is_never_passed, is_of_one_hop, is_of_the_inside, is_protected, undisguised};
use super::route::{AllowedFields, Base, Identity, Route};
use super::trailers::ClientContent;
use super::upgrade::{Ask, Upgrades, not_passed};
use super::watched::Watch;
use super::{failure, grpc, hops, path, via};
use crate::config::ForwardingField;
use crate::respond::{Problem, is_grpc};
use crate::server::{PeerAddr, Secured};
use crate::services::KEPT_ORIGIN;
use crate::stack::{Outgoing, Pace, Progress};

/// What requests of one route go through.
#[derive(Clone)]
pub struct Passage {
    /// The route.
    pub route: Route,
    /// Where its service is.
    pub base: Base,
    /// What the service is sent as.
    pub authorization: Option<HeaderValue>,
    /// How long the head of an answer may take.
    pub timeout: Duration,
    /// What the gateway calls itself.
    pub pseudonym: Arc<str>,
    /// The fields that tell of the principal.
    pub identity: Identity,
    /// What clients may say of themselves nonetheless.
    pub allowed: AllowedFields,
    /// Whether this is a proxy whose word counts.
    pub is_trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// The field in which such a proxy tells of the client.
    pub forwarding: ForwardingField,
    /// Which other protocols it lets through, if any.
    pub upgrades: Option<Upgrades>,
}

/// What is sent on.
pub(super) struct Prepared {
    pub(super) request: Request<Outgoing>,
    pub(super) sent: Sent,
}

/// What matters of it to its answer.
pub(super) struct Sent {
    /// Where it asks for another protocol.
    pub(super) ask: Option<Ask>,
    pub(super) watch: Watch,
    pub(super) is_to_head: bool,
}

impl Passage {
    /// The request as it is to be sent on, and kept under: its URL is the gateway's own.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(super) fn prepare(&self, request: Request<Body>) -> Result<Prepared, Problem> {
        let (mut head, body) = request.into_parts();
        let uri = self.url(&head)?;
        let seen = self.see(&head);
        let asked = hops::take_off(&mut head.headers, |name| self.identity.has(name)).map_err(bad)?;
        let wants_other = !asked.protocols.is_empty();
        if wants_other && self.upgrades.is_none() {
            return Err(not_passed());
        }
        if via::was_here(&head.headers, &self.pseudonym) {
            return Err(Problem::new(
                StatusCode::LOOP_DETECTED,
                "the request has come by this gateway before",
            ));
        }
        self.check_length(&head.headers)?;
        let ask = match self.upgrades.as_ref().filter(|_| wants_other) {
            Some(upgrades) if body.is_end_stream() => Some(upgrades.ask(&mut head, &asked.protocols)?),
            Some(_) => return Err(bad("no content is passed on before another protocol")),
            None => None,
        };
        let progress = (!body.is_end_stream()).then(Arc::default);
        let watch = self.watch(&head, progress);
        self.rewrite(&mut head, &seen);
        if let Some(ask) = &ask {
            ask.say(&mut head.headers);
        }
        let is_to_head = head.method == Method::HEAD;
        let mut request = Request::new(self.content(body, ask.is_some(), watch.progress.clone()));
        *request.method_mut() = head.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = head.headers;
        *request.extensions_mut() = head.extensions;
        Ok(Prepared { request, sent: Sent { ask, watch, is_to_head } })
    }

    /// Under which URL the answer to a request with this head would be kept, which is not sent.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn try_out(&self, head: request::Parts) -> Result<Uri, Problem> {
        let prepared = self.prepare(Request::from_parts(head, Body::empty()))?;
        Ok(prepared.request.uri().clone())
    }

    /// Sends it to the service: the last that is done, for what is kept is kept under the gateway's URL.
    pub fn send<B>(&self, mut request: Request<B>) -> Request<B> {
        let target = self.route.target(request.uri(), &self.base);
        // It was looked at before whether there is one.
        *request.uri_mut() = target.unwrap_or_default();
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(http::header::AUTHORIZATION, authorization.clone());
        }
        request.extensions_mut().insert(Deadline::after(self.timeout));
        request
    }

    fn url(&self, head: &request::Parts) -> Result<Uri, Problem> {
        if [Method::TRACE, Method::CONNECT].contains(&head.method) {
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "this method is not passed on"));
        }
        path::check(head.uri.path()).map_err(bad)?;
        let too_long = || Problem::new(StatusCode::URI_TOO_LONG, "the path is too long to be passed on");
        self.route.target(&head.uri, &self.base).ok_or_else(too_long)?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(Authority::from_static(KEPT_ORIGIN));
        parts.path_and_query = head.uri.path_and_query().cloned();
        Uri::from_parts(parts).map_err(|_| too_long())
    }

    fn see(&self, head: &request::Parts) -> Seen {
        let peer = head.extensions.get::<PeerAddr>().map(|peer| peer.0.ip().to_canonical());
        let is_trusted = peer.is_some_and(|peer| (self.is_trusted)(peer));
        let is_secured = head.extensions.get::<Secured>().is_some();
        Seen { peer, trusted: is_trusted.then_some(self.forwarding), host: host_of(head), is_secured }
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let most = u64::try_from(self.route.max_body_bytes).unwrap_or(u64::MAX);
        if length.is_some_and(|length| length > most) { Err(failure::too_large()) } else { Ok(()) }
    }

    fn watch(&self, head: &request::Parts, progress: Option<Arc<Progress>>) -> Watch {
        let is_grpc = is_grpc(&head.headers);
        let time = grpc::timeout(&head.headers).filter(|_| is_grpc);
        Watch {
            route: Arc::clone(&self.route.template),
            idle: self.route.idle_timeout,
            until: time.map(|time| Instant::now() + time),
            is_grpc,
            is_multiplexed: head.version == Version::HTTP_2,
            progress,
        }
    }

    fn rewrite(&self, head: &mut request::Parts, seen: &Seen) {
        let headers = &mut head.headers;
        remove_never_passed(headers, &self.allowed);
        let is_for_all = self.route.is_for_all(&head.method);
        if is_for_all {
            forwarded::remove_all(headers);
            headers.remove(COOKIE);
        } else {
            forwarded::tell(headers, seen);
            join_cookies(headers);
        }
        headers.remove(HOST);
        via::add(headers, head.version, &self.pseudonym);
        head.version = Version::HTTP_11;
        head.extensions = kept(&head.extensions, is_for_all);
    }

    /// What asks for another protocol is sent once, content or not: two connections would be opened for one.
    fn content(&self, body: Body, is_once: bool, progress: Option<Arc<Progress>>) -> Outgoing {
        if body.is_end_stream() && !is_once {
            return Outgoing::empty();
        }
        let content = ClientContent::new(body, self.route.max_body_bytes, self.identity.clone());
        let (until, idle) = (Instant::now() + self.timeout, self.route.idle_timeout);
        Outgoing::streamed(Body::new(content), Pace { until, idle, progress: progress.unwrap_or_default() })
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage")
            .field("route", &self.route)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

fn bad(why: impl fmt::Display) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why.to_string())
}

/// Also under names that a service might take for these.
fn remove_never_passed(headers: &mut HeaderMap, allowed: &AllowedFields) {
    let is_told_by_others = |name: &str| is_never_passed(name) || is_of_the_inside(name);
    let is_gone = |name: &&HeaderName| match undisguised(name) {
        _ if allowed.has(name.as_str()) => false,
        Some(name) => is_told_by_others(&name) || is_protected(&name) || is_of_one_hop(&name),
        None => is_told_by_others(name.as_str()),
    };
    let gone: Vec<HeaderName> = headers.keys().filter(is_gone).cloned().collect();
    gone.iter().for_each(|name| drop(headers.remove(name)));
}

/// HTTP/2 may take them apart, HTTP/1.1 may not (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    if let Ok(mut whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        whole.set_sensitive(true);
        headers.insert(COOKIE, whole);
    }
}

/// What layers further in read; nothing else of the gateway's own goes along.
fn kept(extensions: &Extensions, is_for_all: bool) -> Extensions {
    let mut kept = Extensions::new();
    if let Some(id) = extensions.get::<CorrelationId>() {
        kept.insert(id.clone());
    }
    if let Some(trace) = extensions.get::<TraceContext>() {
        kept.insert(trace.clone());
    }
    if let Some(principal) = extensions.get::<Principal>().filter(|_| !is_for_all) {
        kept.insert(principal.clone());
    }
    kept
}
