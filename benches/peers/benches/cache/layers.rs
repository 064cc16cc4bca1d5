//! Ours and the peers, around a service that answers at once.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body as AxumBody;
use axum_response_cache::CacheLayer as AxumLayer;
use bytes::Bytes;
use cached::LruTtlCache;
use http::header::{HeaderMap, IF_NONE_MATCH};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{Empty, Full};
use http_cache_tower_server::{QueryKeyer, ServerCacheLayer};
use integridai_tower::cache::{CacheLayer, MemoryStore};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_cache::CacheLayer as ResilienceLayer;

use super::exchange::Work;
use super::turns::{Contender, Role};

/// What ours weighs an answer with, besides its content, is a little less.
const FIELDS: u64 = 2 << 10;
const HOUR: Duration = Duration::from_secs(3600);

type Plain = Request<Empty<Bytes>>;

/// What the answers say, and how long the peers keep them that do not read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    control: &'static str,
    time: Duration,
}

pub(crate) const FRESH: Lifetime = Lifetime { control: "max-age=3600", time: HOUR };
pub(crate) const STALE: Lifetime = Lifetime { control: "max-age=0", time: Duration::from_nanos(1) };

pub(crate) fn all(work: Work, lifetime: Lifetime) -> Vec<Contender> {
    vec![
        ours(work, lifetime),
        http_cache_tower_server(work, lifetime),
        tower_resilience_cache(work, lifetime),
        axum_response_cache(work, lifetime),
        work.contender(
            "the service alone",
            Role::Floor,
            origin::<Empty<Bytes>, Full<Bytes>>(work.size, lifetime),
        ),
        work.contender("the exchange alone", Role::Exchange, content_alone(work.size)),
    ]
}

/// The content without a field, in a response that had not to be made: what the bench itself costs.
fn content_alone(
    size: usize,
) -> impl Service<Plain, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send + 'static> + Clone + Send
{
    let body = Bytes::from(vec![b'a'; size]);
    service_fn(move |request: Plain| {
        drop(request);
        std::future::ready(Ok(Response::new(Full::new(body.clone()))))
    })
}

/// Answers at once, and confirms whatever it is asked to.
fn origin<A, B>(
    size: usize,
    lifetime: Lifetime,
) -> impl Service<Request<A>, Response = Response<B>, Error = Infallible, Future: Send + 'static> + Clone + Send
where
    A: Send + 'static,
    B: From<Bytes>,
{
    let body = Bytes::from(vec![b'a'; size]);
    service_fn(move |request: Request<A>| {
        let body = body.clone();
        async move { Ok(answer(request.headers(), body, lifetime.control)) }
    })
}

fn answer<B: From<Bytes>>(request: &HeaderMap, body: Bytes, control: &'static str) -> Response<B> {
    let is_confirmed = request.contains_key(IF_NONE_MATCH);
    let mut response = Response::new(B::from(if is_confirmed { Bytes::new() } else { body }));
    *response.status_mut() = if is_confirmed { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    for (name, value) in [("cache-control", control), ("etag", "\"a\""), ("content-type", "text/plain")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn ours(work: Work, lifetime: Lifetime) -> Contender {
    let layer =
        CacheLayer::new(MemoryStore::new(work.room() * (work.size as u64 + FIELDS)).expect("enough bytes"));
    work.contender("ours", Role::Ours, layer.layer(origin::<Empty<Bytes>, Full<Bytes>>(work.size, lifetime)))
}

/// It has a task of its own store what it has fetched: that is part of the exchange.
fn http_cache_tower_server(work: Work, lifetime: Lifetime) -> Contender {
    let store = http_cache::MokaManager::new(http_cache::MokaCache::new(work.room()));
    let layer = ServerCacheLayer::with_keyer(store, QueryKeyer);
    let service = layer.layer(origin::<Empty<Bytes>, Full<Bytes>>(work.size, lifetime));
    let name = "http-cache-tower-server";
    if work.is_stored_each_time {
        let service = service.then(async |answer| {
            tokio::task::yield_now().await;
            answer
        });
        return work.contender::<_, Empty<Bytes>, _>(name, Role::Peer, service);
    }
    let contender = work.contender::<_, Empty<Bytes>, _>(name, Role::Peer, service);
    if work.size < 1 << 20 { contender } else { sampled(contender) }
}

/// One round stands for many of a contender that takes milliseconds.
fn sampled(contender: Contender) -> Contender {
    const ROUNDS: u32 = 100;
    let Contender { name, role, run } = contender;
    Contender { name, role, run: Box::new(move |rounds| run(rounds.div_ceil(u64::from(ROUNDS))) * ROUNDS) }
}

fn tower_resilience_cache(work: Work, lifetime: Lifetime) -> Contender {
    let layer = ResilienceLayer::<Plain, (Method, Uri)>::builder()
        .max_size(work.room() as usize)
        .ttl(lifetime.time)
        .key_extractor(|request: &Plain| (request.method().clone(), request.uri().clone()))
        .build()
        .expect("it can work");
    let service = layer.layer(origin::<Empty<Bytes>, Full<Bytes>>(work.size, lifetime));
    work.contender("tower-resilience-cache", Role::Peer, service)
}

fn axum_response_cache(work: Work, lifetime: Lifetime) -> Contender {
    let layer = AxumLayer::with(LruTtlCache::with_size_and_ttl(work.room() as usize, lifetime.time));
    let service = layer.layer(origin::<AxumBody, AxumBody>(work.size, lifetime));
    work.contender("axum-response-cache", Role::Peer, service)
}
