//! What need not be asked again: a cache by RFC 9111, shared by clients or of one.
//!
//! [`CacheLayer`] answers GET and HEAD from what earlier answers left in a [`Store`]: whole, in ranges, and as 304 to clients that
//! have it. What is stale it has the origin confirm, serves while it is revalidated, or serves in place of an error, as far as the
//! origin allows. Concurrent requests share one answer as it comes. [`Handle`] purges by URL, prefix and tag. All keep
//! the inner service's error. With the feature `cache-redis`, the store of the module `redis` shares what it holds with other replicas.
//!
//! # What is stored
//! A response to a GET whose status, `Cache-Control` and request allow it, and that can be of use: it says how long it is fresh,
//! or has a validator. Fresh is what the strongest says of: a field aimed at this cache (RFC 9213: `CDN-Cache-Control`), `s-maxage`,
//! `max-age`, `Expires`, [a setting for its URL](CacheLayer::lifetime_unless_told), a tenth of the time that it had not been
//! modified. There is no lifetime by default. The answer to a POST is stored for later GETs when it says how long it is fresh
//! and names its own URL in `Content-Location`.
//!
//! | not stored | unless |
//! | --- | --- |
//! | `no-store` | `must-understand`, and the status is a known one |
//! | `private` | the cache is [private](CacheLayer::private) |
//! | the request had `Authorization`, or a [`Principal`](crate::Principal) in its extensions | `public`, `s-maxage`, `must-revalidate`, or a private cache |
//! | `Set-Cookie` | `public` or an explicit lifetime, or a private cache |
//! | `Vary: *`; 304; 206 in several parts | |
//! | larger than [`largest_body`](CacheLayer::largest_body) | |
//! | broken off, or invalidated on the way | |
//!
//! Fields of one connection are left out, and those that `no-cache` or `private` name. An unsafe method that succeeds removes what
//! is stored of its URL and of `Location` and `Content-Location` of the same origin.
//!
//! # What passes untouched
//! Other methods, upgrades, requests with content or with `If-Match`, and those that name two hosts or one that cannot be; and the first byte of everything that is not stored. No
//! request is sent twice: only a request that has waited for another one's answer in vain goes on by itself.
//!
//! # When what is stale is served
//! | when | how long | unless |
//! | --- | --- | --- |
//! | it is revalidated meanwhile: `stale-while-revalidate`, with [`spawn_with`](CacheLayer::spawn_with) | its seconds | `must-revalidate`, `proxy-revalidate`, `s-maxage`, `no-cache` |
//! | the origin answers 500, 502, 503 or 504: `stale-if-error` | its seconds | the same |
//! | the inner service fails, or a layer inside [refuses](crate::Refused) with such a status | as long as it is stored | the same |
//! | the client takes it: `max-stale`, where [clients are heard](CacheLayer::hear_clients) | its seconds | the same |
//!
//! # What it does not do
//! It does not follow redirects, cache by cookie, or change content. It does not know what else an answer depends on: a service that
//! reads `X-Forwarded-Host` or the like names it in `Vary`, or has it removed in front of the cache. It does not spawn: background work is handed to the caller.
//! It does not read interim (1xx) answers, which no Tower service sees.
//!
//! # Where to put it
//! In front of whatever is expensive, and behind what decides who may ask: `auth` leaves a
//! [`Principal`](crate::Principal), which counts like `Authorization` here. A circuit breaker stands inside.
//!
//! # Headers and extensions
//! | | request | response |
//! | --- | --- | --- |
//! | reads | `Host`, `Range`, `If-None-Match`, `If-Modified-Since`, `If-Range`, `Authorization`, `Cache-Control` and `Pragma` where clients are heard, the fields of `Vary`; [`Principal`](crate::Principal) | `Cache-Control` and its like, `Expires`, `Date`, `Age`, `ETag`, `Last-Modified`, `Vary`, `Content-Range`, `Location`, `Content-Location`, `Surrogate-Key`, `Cache-Tag`; [`Refused`](crate::Refused) |
//! | writes | to the origin: `If-None-Match`, `If-Modified-Since`, `Range`, `If-Range` in place of the client's | `Cache-Status` (RFC 9211) on every one, `Age`, `Content-Range`, `Content-Length`, `Date` where there is none; [`CacheOutcome`] |
//!
//! # Examples
//! By default:
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{Empty, Full};
//! use integridai_tower::cache::{CacheLayer, CacheOutcome, MemoryStore};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new().layer(CacheLayer::new(MemoryStore::new(64 << 20)?)).service(service_fn(
//!     async |_: Request<Empty<Bytes>>| {
//!         let response = Response::builder().header("cache-control", "max-age=60");
//!         Ok::<_, Infallible>(response.body(Full::new(Bytes::from("expensive"))).expect("a valid response"))
//!     },
//! ));
//! for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
//!     let response = service.clone().oneshot(Request::get("/report").body(Empty::new())?).await?;
//!     assert_eq!(CacheOutcome::of(response.extensions()), Some(outcome));
//! #   use http_body_util::BodyExt;
//! #   response.into_body().collect().await.map_err(|error| error.to_string())?;
//! }
//! # Ok(())
//! # }
//! ```
//! Tuned, for a proxy that revalidates in the background, and whose operator purges by tag:
//! ```
//! use std::time::Duration;
//! use http::{HeaderName, Uri};
//! use integridai_tower::cache::{CacheLayer, MemoryStoreOptions};
//!
//! let store = MemoryStoreOptions::new(256 << 20).most_urls(100_000).build()?;
//! let layer = CacheLayer::new(store)
//!     .name("edge-1")?
//!     .targeted([HeaderName::from_static("edge-cache-control"), HeaderName::from_static("cdn-cache-control")])
//!     .lifetime_unless_told(|url: &Uri| url.path().starts_with("/static/").then_some(Duration::from_secs(300)))
//!     .largest_body(32 << 20)
//!     .sort_query(true)
//!     .spawn_with(|work| {
//!         tokio::spawn(work);
//!     })
//!     .wait_up_to(Duration::from_secs(10));
//! assert_eq!(layer.handle().purge_tag("news", true), 0);
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod age;
mod answer;
mod arrival;
mod assess;
mod body;
mod cache_control;
mod changes;
mod condition;
mod date;
mod decimal;
mod dictionary;
mod directives;
mod entry;
mod errand;
mod fields;
mod flight;
mod flights;
mod freshness;
mod future;
mod handle;
mod invalidate;
mod key;
mod layer;
mod parts;
mod pass;
mod plan;
mod range;
mod request_directives;
mod rules;
mod service;
mod shared;
mod status;
mod storable;
mod store;
mod stream;
mod targeted;
mod trip;
mod validate;
mod vary;
mod wakers;

#[cfg(feature = "cache-redis")]
pub mod redis;

pub use crate::cache_outcome::CacheOutcome;
pub use body::CacheBody;
pub use changes::Changes;
pub use entry::Entry;
pub use future::ResponseFuture;
pub use handle::{Handle, Held};
pub use key::Key;
pub use layer::CacheLayer;
pub use service::Cache;
pub use shared::Background;
pub use status::CACHE_STATUS;
pub use store::{
    Found, Lookup, MemoryStatus, MemoryStore, MemoryStoreOptions, Purge, Purged, Resource, Store, Terms,
};
