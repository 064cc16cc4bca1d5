use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, request};
use http_body::Body;
use tower_service::Service;

use super::body::CacheBody;
use super::errand::{Errand, Purpose};
use super::future::{Place, ResponseFuture};
use super::invalidate::is_unsafe;
use super::key::{Key, is_for_one_host};
use super::pass::{Pass, may_be_for_gets};
use super::plan::{Asked, Signs, Verdict};
use super::shared::Shared;
use super::status::Forward;
use super::storable::Asker;
use super::store::Lookup;
use super::trip::{Trip, judge, stored};
use crate::cache_outcome::CacheOutcome;
use crate::readiness::take_ready;
use crate::{BoxError, Principal};

/// The service of [`CacheLayer`](super::CacheLayer).
#[derive(Debug, Clone)]
pub struct Cache<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Cache<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, A, B> Service<Request<A>> for Cache<S>
where
    S: Service<Request<A>, Response = Response<B>> + Clone,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    A: Body,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<CacheBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, A, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (head, body) = request.into_parts();
        let signs = Signs::of(&head.headers);
        if let Some(pass) = passing(&self.shared, &head, &signs, !body.is_end_stream()) {
            return ResponseFuture::passing(self.inner.call(Request::from_parts(head, body)), pass);
        }
        let asked = Asked::of(&head.method, &signs, &head.headers, &self.shared.rules);
        let key = self.shared.keys.of(&head.uri, signs.host);
        let lookup = self.shared.store.find(&key);
        if let Lookup::Decided(Some(resource)) = &lookup {
            let now = self.shared.now();
            if let (Verdict::Fresh, Some(entry)) = judge(Some(resource), &asked, &head.headers, now) {
                let (asked, told) = ((&asked, &head.headers), (None, CacheOutcome::Hit));
                return ResponseFuture::answered(stored(&self.shared, entry, asked, now, told));
            }
        }
        let trip = Trip {
            shared: Arc::clone(&self.shared),
            key: key.into_owned(),
            asker: asker(&head, &asked),
            inner: take_ready(&mut self.inner),
            head,
            body,
            asked,
            waited: 0,
        };
        match lookup {
            Lookup::Decided(known) => match self.shared.store.find_further(&trip.key) {
                Lookup::Decided(found) => ResponseFuture::stopped(trip.proceed(found.or(known).as_deref())),
                Lookup::Waiting(found) => ResponseFuture::looking(found, Place::Further(known), trip),
            },
            Lookup::Waiting(found) => ResponseFuture::looking(found, Place::Near, trip),
        }
    }
}

/// Requests that are not answered by the store; `None` for those that may be.
fn passing(
    shared: &Arc<Shared>,
    head: &request::Parts,
    signs: &Signs<'_>,
    has_content: bool,
) -> Option<Pass> {
    let is_cached = matches!(head.method, Method::GET | Method::HEAD);
    if !is_cached {
        let key = is_unsafe(&head.method).then(|| shared.keys.of(&head.uri, signs.host).into_owned());
        let post = key.clone().filter(|_| may_be_for_gets(&head.method)).map(|key| post(shared, head, key));
        return Some(Pass { shared: Arc::clone(shared), forward: Forward::Method, changes: key, post });
    }
    // An origin that takes another host for the one that counts would answer for that one (RFC 9112 §3.2).
    let is_for_one_host = !signs.has_several_hosts && is_for_one_host(&head.uri, signs.host);
    let is_bypassed = has_content || signs.is_for_origin || !is_for_one_host;
    is_bypassed.then(|| Pass {
        shared: Arc::clone(shared),
        forward: Forward::Bypass,
        changes: None,
        post: None,
    })
}

fn post(shared: &Arc<Shared>, head: &request::Parts, key: Key<'static>) -> Box<Errand> {
    let asked = Asked::of(&head.method, &Signs::of(&head.headers), &head.headers, &shared.rules);
    Box::new(Errand {
        key,
        target: head.uri.clone(),
        headers: Arc::new(head.headers.clone()),
        asker: asker(head, &asked),
        asked,
        purpose: Purpose::Fetch,
        entry: None,
        requested: shared.now(),
        mark: shared.changes.now(),
        id: None,
        shared: Arc::clone(shared),
    })
}

fn asker(head: &request::Parts, asked: &Asked) -> Asker {
    Asker {
        is_authenticated: head.headers.contains_key(AUTHORIZATION)
            || head.extensions.get::<Principal>().is_some(),
        forbids_storing: asked.directives.is_some_and(|directives| directives.no_store),
    }
}
