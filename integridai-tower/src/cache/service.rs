use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::CacheBody;
use super::errand::{Errand, Purpose};
use super::future::{Place, ResponseFuture};
use super::invalidate::is_unsafe;
use super::key::Key;
use super::pass::{Pass, may_be_for_gets};
use super::plan::{Asked, Signs, Verdict};
use super::shared::Shared;
use super::status::Forward;
use super::storable::Asker;
use super::store::Lookup;
use super::trip::{Trip, hit, judge};
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
        let headers = request.headers();
        let signs = Signs::of(headers);
        let Some(key) = key_of(&self.shared, &request, &signs) else {
            let pass = passing(&self.shared, &request, &signs);
            return ResponseFuture::passing(self.inner.call(request), pass);
        };
        let asked = Asked::of(request.method(), &signs, headers, &self.shared.rules);
        let lookup = self.shared.store.find(&key);
        if let Lookup::Decided(Some(resource)) = &lookup {
            let now = self.shared.now();
            if let (Verdict::Fresh, Some(entry)) = judge(Some(resource), &asked, headers, now) {
                return ResponseFuture::answered(hit(&self.shared, entry, (&asked, headers), now));
            }
        }
        // Each place is asked while the URL is at hand.
        let further = match lookup {
            Lookup::Decided(known) => (self.shared.store.find_further(&key), Place::Further(known)),
            waiting => (waiting, Place::Near),
        };
        let (digest, asker) = (key.digest(), asker(&request, &signs, &asked));
        let (head, body) = request.into_parts();
        let inner = take_ready(&mut self.inner);
        let shared = Arc::clone(&self.shared);
        let trip = Trip { shared, digest, asker, inner, head, body, asked, waited: 0 };
        match further {
            (Lookup::Decided(found), place) => {
                ResponseFuture::stopped(trip.proceed(found.or(place.known()).as_deref()))
            }
            (Lookup::Waiting(found), place) => ResponseFuture::looking(found, place, trip),
        }
    }
}

fn is_cached(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// That of a request that may be answered by the store.
fn key_of<'a, A: Body>(shared: &Shared, request: &'a Request<A>, signs: &Signs<'a>) -> Option<Key<'a>> {
    let may_be_stored = is_cached(request.method()) && !signs.is_for_origin && request.body().is_end_stream();
    if !may_be_stored || signs.has_several_hosts {
        return None;
    }
    // An origin that takes another host for the one that counts would answer for that one (RFC 9112 §3.2).
    shared.keys.of_one_host(request.uri(), signs.host)
}

/// A request that is not answered by the store.
fn passing<A>(shared: &Arc<Shared>, request: &Request<A>, signs: &Signs<'_>) -> Pass {
    if !is_cached(request.method()) {
        let key = is_unsafe(request.method()).then(|| shared.keys.of(request.uri(), signs.host));
        let post = key.as_ref().filter(|_| may_be_for_gets(request.method()));
        let post = post.map(|key| post_of(shared, request, key.digest()));
        let changes = key.map(Key::into_owned);
        return Pass { shared: Arc::clone(shared), forward: Forward::Method, changes, post };
    }
    Pass { shared: Arc::clone(shared), forward: Forward::Bypass, changes: None, post: None }
}

fn post_of<A>(shared: &Arc<Shared>, request: &Request<A>, digest: u128) -> Box<Errand> {
    let headers = request.headers();
    let signs = Signs::of(headers);
    let asked = Asked::of(request.method(), &signs, headers, &shared.rules);
    Box::new(Errand {
        digest,
        target: request.uri().clone(),
        headers: Arc::new(headers.clone()),
        asker: asker(request, &signs, &asked),
        asked,
        purpose: Purpose::Fetch,
        entry: None,
        requested: shared.now(),
        mark: shared.changes.now(),
        id: None,
        shared: Arc::clone(shared),
    })
}

fn asker<A>(request: &Request<A>, signs: &Signs<'_>, asked: &Asked) -> Asker {
    Asker {
        is_authenticated: signs.has_credentials || request.extensions().get::<Principal>().is_some(),
        forbids_storing: asked.directives.is_some_and(|directives| directives.no_store),
    }
}
