//! Answers that are kept: one store for all cached routes, in memory or shared in Redis, and what each of them allows.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use integridai_tower::cache::redis::{KeepInStep, RedisStoreOptions};
use integridai_tower::cache::{CacheLayer, MemoryStore, MemoryStoreOptions};
use integridai_tower::metrics::CountCacheOutcomesLayer;
use integridai_tower::{BoxError, ConfigError};
use tower::util::{MapRequestLayer, MapResponseLayer};
use tower::{Service, ServiceBuilder};
use tower_http::set_header::SetResponseHeaderLayer;

use super::outgoing::Outgoing;
use super::work::Work;
use crate::config::{CacheConfig, CachedRouteConfig, CachedRoutesConfig, RedisConfig};
use crate::proxy::Route;
use crate::services::{KEPT_ORIGIN, KeptAnswers, KeptIn};

/// Keeps the answers of routes. A clone keeps the same.
#[derive(Debug, Clone)]
pub struct Cache {
    layer: CacheLayer,
    store: KeptIn,
    max_bytes: u64,
    in_step: Option<Work>,
    /// What it was made of, but for what single routes allow.
    made_of: (CacheConfig, Option<RedisConfig>),
}

/// What is said of the answers of a route that may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Of which route, one without parameters.
    pub path: &'static str,
    /// How long they are fresh; below a second none is kept.
    pub fresh: Duration,
    /// For whom, and how long after that.
    pub allowed: CachedRouteConfig,
    /// What they are purged by, separated by spaces.
    pub tags: &'static str,
}

/// Aimed at this cache alone (RFC 9213), within the gateway; all others hear `Cache-Control`.
const OWN_CONTROL: HeaderName = HeaderName::from_static("integridai-cache-control");

/// What an entry has beside the content, at most.
const ROOM_FOR_A_HEAD: usize = 64 * 1024;

const TAGS: HeaderName = HeaderName::from_static("surrogate-key");

impl Cache {
    /// As it is configured; `None` where it is disabled.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the store cannot have that size.
    pub fn new(config: &CacheConfig, redis: &RedisConfig) -> Result<Option<Self>, ConfigError> {
        Self::after(config, redis, None)
    }

    /// The same, with the answers that were kept `before` where it is made of the same.
    ///
    /// # Errors
    ///
    /// As those of [`new`](Self::new).
    pub fn after(
        config: &CacheConfig,
        redis: &RedisConfig,
        before: Option<&Self>,
    ) -> Result<Option<Self>, ConfigError> {
        if config.disabled {
            return Ok(None);
        }
        let is_shared = redis.url.is_some() && !config.local;
        let routes = CachedRoutesConfig::default();
        let made_of = (CacheConfig { routes, ..config.clone() }, is_shared.then(|| redis.clone()));
        match before.filter(|before| before.made_of == made_of) {
            Some(same) => Ok(Some(same.clone())),
            None => Self::make(config, redis, made_of).map(Some),
        }
    }

    fn make(
        config: &CacheConfig,
        redis: &RedisConfig,
        made_of: (CacheConfig, Option<RedisConfig>),
    ) -> Result<Self, ConfigError> {
        let (store, in_step) = store(config, redis)?;
        let layer = match &store {
            KeptIn::Memory(memory) => CacheLayer::new(Arc::clone(memory)),
            KeptIn::Redis(store) => CacheLayer::new(store.clone()),
        };
        let layer = layer
            .targeted([OWN_CONTROL])
            .largest_body(config.max_body_bytes.get())
            .spawn_with(|work| drop(tokio::spawn(work)));
        let in_step = in_step.map(|in_step| Work::new(in_step.run()));
        Ok(Self { layer, store, max_bytes: config.max_bytes(), in_step, made_of })
    }

    /// What keeps it in step with other gateways; `None` where there is no Redis.
    #[must_use]
    pub fn in_step(&self) -> Option<&Work> {
        self.in_step.as_ref()
    }

    /// Whether it keeps the same as the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.made_of == other.made_of
    }

    /// What operators see of it and remove from it.
    #[must_use]
    pub fn answers(&self) -> KeptAnswers {
        KeptAnswers::new(self.layer.handle(), self.store.clone(), self.max_bytes)
    }

    /// Puts the cache before the route. Whoever may not ask has to be refused further out: it answers everybody alike.
    ///
    /// # Panics
    ///
    /// The path is none.
    pub fn keep<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>, kept: Kept) -> Router<S> {
        let (url, control) = (kept.url(), kept.control());
        // Whatever a client calls the gateway, and whatever it asks beyond the path: none of it chooses what is kept.
        let as_kept = move |mut request: Request<Body>| {
            *request.uri_mut() = url.clone();
            request.headers_mut().remove(HOST);
            request
        };
        let own_control =
            move |response: &Response| control.clone().filter(|_| response.status() == StatusCode::OK);
        routes.route_layer(
            ServiceBuilder::new()
                .layer(CountCacheOutcomesLayer::new().label("http_route", kept.path))
                .layer(MapResponseLayer::new(without_own_fields))
                .layer(MapRequestLayer::new(as_kept))
                .layer(self.layer.clone())
                .layer(SetResponseHeaderLayer::overriding(OWN_CONTROL, own_control))
                .layer(SetResponseHeaderLayer::overriding(TAGS, HeaderValue::from_static(kept.tags))),
        )
    }
}

impl Cache {
    /// Puts the cache before the service of a route whose answers are for all who may ask. Requests come under the gateway's own
    /// URL and tell nothing of who asks.
    pub(super) fn before<S, B>(
        &self,
        route: &Route,
        service: S,
    ) -> impl Service<
        Request<Outgoing>,
        Response = http::Response<
            impl http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static + use<S, B>,
        >,
        Error = S::Error,
        Future: Send + 'static,
    >
    + Clone
    + Send
    + Sync
    + 'static
    + use<S, B>
    where
        S: Service<Request<Outgoing>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let tag = HeaderValue::try_from(&*route.service).expect("letters, digits and dashes");
        let layer = match route.default_ttl {
            Some(ttl) => self.layer.clone().lifetime_unless_told(move |_| Some(ttl)),
            None => self.layer.clone(),
        };
        ServiceBuilder::new()
            .layer(CountCacheOutcomesLayer::new().label("http_route", route.template.clone()))
            .layer(MapResponseLayer::new(without_own_fields))
            .layer(layer)
            .layer(MapResponseLayer::new(without_own_control))
            .layer(SetResponseHeaderLayer::appending(TAGS, tag))
            .service(service)
    }
}

/// Only the gateway itself aims at this cache.
fn without_own_control<B>(mut response: http::Response<B>) -> http::Response<B> {
    response.headers_mut().remove(OWN_CONTROL);
    response
}

/// Where answers are kept.
fn store(config: &CacheConfig, redis: &RedisConfig) -> Result<(KeptIn, Option<KeepInStep>), ConfigError> {
    let options = MemoryStoreOptions::new(config.max_bytes()).most_urls(config.max_urls.get() as u64);
    let memory: MemoryStore = options.build()?;
    let Some(url) = redis.url.as_ref().filter(|_| !config.local) else {
        return Ok((KeptIn::Memory(Arc::new(memory)), None));
    };
    let options = RedisStoreOptions::new()
        .prefix(&redis.prefix)
        .connection_timeout(redis.connection_timeout_seconds.get())
        .response_timeout(redis.response_timeout_seconds.get())
        .largest_entry(config.max_body_bytes.get() + ROOM_FOR_A_HEAD);
    let (store, in_step) = options.build(url.expose(), "answers", memory)?;
    Ok((KeptIn::Redis(store), Some(in_step)))
}

impl Kept {
    fn url(&self) -> Uri {
        let url = Uri::builder().scheme("http").authority(KEPT_ORIGIN).path_and_query(self.path).build();
        url.expect("a route is a path")
    }

    /// `None` where nothing may be kept: then `Cache-Control` alone counts, and says that they are private.
    fn control(&self) -> Option<HeaderValue> {
        let CachedRouteConfig { shared, stale_while_revalidate_seconds, stale_if_error_seconds } =
            self.allowed;
        let fresh = self.fresh.as_secs();
        if !shared || fresh == 0 {
            return None;
        }
        // `public`, for these are answers to callers with credentials (RFC 9111 §3.5).
        let text = format!(
            "public, max-age={fresh}, stale-while-revalidate={}, stale-if-error={}",
            stale_while_revalidate_seconds.get(),
            stale_if_error_seconds.get()
        );
        Some(HeaderValue::try_from(text).expect("digits and letters"))
    }
}

fn without_own_fields<B>(mut response: http::Response<B>) -> http::Response<B> {
    for name in [OWN_CONTROL, TAGS] {
        response.headers_mut().remove(name);
    }
    response
}
