//! How often somebody may ask.
//!
//! [`RateLimitLayer`] counts requests by a key of yours ([`KeyBy`]: the client's address, its principal, its tenant, …) and asks
//! a limiter ([`Admit`]) whether there is something left for it. [`MemoryLimiter`] counts within this process; with the feature
//! `rate-limit-redis`, those of the module `redis` count over all replicas, with the same verdicts.
//! [`ThrottleLayer`] keeps calls that go out within the limits of what they call. A limiter serves without HTTP too:
//! [`MemoryLimiter::check`].
//!
//! # How it counts
//! A [`Quota`] is a limit per period and a burst, as the generic cell rate algorithm (GCRA, ITU-T I.371) has it: no fixed
//! windows, at whose ends twice the limit gets through. Time is counted in fractions of a microsecond that make one request a
//! whole number, so that nothing is rounded and no request too many or too few is admitted, however long it runs. Several
//! quotas hold together, such as one per second and one per day: a request is charged to all of them or to none.
//!
//! # What is refused
//! | what | status | `Retry-After` | reason |
//! | --- | --- | --- | --- |
//! | a quota is used up | 429 (RFC 6585 §4) | when it would be admitted, rounded up, never 0 | `over_quota` |
//! | the request costs more than a quota ever has | 429 | none: no waiting helps | `too_costly` |
//! | there is no key, and [`WithoutKey::Refuse`] | 400 | none | `no_key` |
//! | there is no room for a further key, and [`WhenFull::Refuse`] | 503 | 5 s | `no_room` |
//! | the store that replicas share cannot be asked, and the limiter refuses then | 503 | 5 s | `unavailable` |
//!
//! The body is a problem document (RFC 9457), or the response that you make: [`reject_with`](RateLimitLayer::reject_with).
//! With [`shadow`](RateLimitLayer::shadow) nothing is refused. With [`wait_up_to`](RateLimitLayer::wait_up_to) requests wait for
//! their turn first.
//!
//! # What it does not do
//! It does not limit how many requests run at once, how large they are or how fast their bodies come. A request that has been
//! admitted counts, however it ends, unless [`refund_if`](RateLimitLayer::refund_if) says otherwise. It does not tell one client
//! of another where both come through one address.
//!
//! # Where to put it
//! From the outside: observation, correlation, CORS; a limit by address ([`ByClientAddress`]), which also limits how often
//! somebody may try credentials; authentication; a limit by principal ([`ByPrincipal`]), tenant or API key; authorization.
//! A limit outside of a cache counts hits as well, one inside of it counts what reaches the service.
//!
//! Several layers may stand behind each other: each adds its own to the lists in `RateLimit` and `RateLimit-Policy`. One limiter
//! in several layers counts all of them together.
//!
//! # Headers and extensions
//! | | request | response |
//! | --- | --- | --- |
//! | reads | [`Principal`](crate::Principal), `Forwarded` or `X-Forwarded-For` from trusted proxies, whatever your [`KeyBy`] reads; [`CorrelationId`](crate::CorrelationId) | |
//! | writes | | [`RATE_LIMIT`], [`RATE_LIMIT_POLICY`] (draft-ietf-httpapi-ratelimit-headers), with [`Fields::StandardAndLegacy`] also `X-RateLimit-Limit`, `-Remaining`, `-Reset`; with [`keep_verdict`](RateLimitLayer::keep_verdict) [`Verdict`]; on a refusal `Retry-After`, `Cache-Control: no-store`, [`RateLimited`], [`Verdict`], [`Refused`](crate::Refused); in shadow mode [`WouldRefuse`](crate::WouldRefuse) |
//!
//! `RateLimit` names the quota that is nearest to its end: `r` requests are left now, and in `t` seconds all of it has come back.
//!
//! # Examples
//! Ten a minute for each address, as the connection has it:
//! ```
//! # use std::convert::Infallible;
//! use std::net::SocketAddr;
//! use http::{Request, Response};
//! use integridai_tower::rate_limit::{ByClientAddress, MemoryLimiter, Quota, RateLimitLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let by = ByClientAddress::new(|request| request.extensions.get::<SocketAddr>().map(SocketAddr::ip));
//! let service = ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(MemoryLimiter::new([Quota::per_minute(10)])?, by))
//!     .service(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new()))));
//!
//! let request = || Request::get("/").extension(SocketAddr::from(([203, 0, 113, 7], 4711))).body(());
//! for remaining in (0..10).rev() {
//!     let response = service.clone().oneshot(request()?).await?;
//!     assert!(response.headers()["ratelimit"].to_str()?.contains(&format!("r={remaining};")));
//! }
//! let refused = service.oneshot(request()?).await?;
//! assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"6".parse()?));
//! # Ok(())
//! # }
//! ```
//! Two quotas for each caller and route, costly searches, failures for free, and quotas that change while it runs:
//! ```
//! use integridai_tower::rate_limit::{
//!     ByPrincipal, ByRoute, Fields, KeyBy, MemoryLimiterOptions, Quota, RateLimitLayer, RequestHead, WhenFull, WithoutKey,
//! };
//!
//! let limiter = MemoryLimiterOptions::new()
//!     .max_keys(1_000_000)
//!     .when_full(WhenFull::Refuse)
//!     .build([Quota::per_second(20).burst(5), Quota::per_day(10_000)])?;
//! // What your router leaves in the extensions: axum's is `MatchedPath`.
//! let route = ByRoute::new(|request: &RequestHead<'_>| request.extensions.get::<std::sync::Arc<str>>().cloned());
//! let layer = RateLimitLayer::new(limiter.clone(), ByPrincipal::new().and(route))
//!     .cost(|request| if request.uri.path() == "/search" { 5 } else { 1 })
//!     .refund_if(|response| response.is_none_or(|head| head.status.is_server_error()))
//!     .without_key(WithoutKey::Refuse)
//!     .fields(Fields::StandardAndLegacy);
//!
//! limiter.set_quotas([Quota::per_second(50).burst(5), Quota::per_day(10_000)])?;
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod admit;
mod charge;
mod door;
mod fields;
mod future;
mod key;
mod key_by;
mod layer;
mod memory;
mod pace;
mod quota;
mod quotas;
mod rate_limited;
#[cfg(feature = "rate-limit-redis")]
pub mod redis;
mod request_head;
mod service;
mod throttle;
mod verdict;

pub use admit::{Admit, Ask, Attempt};
pub use door::WithoutKey;
pub use fields::{Fields, RATE_LIMIT, RATE_LIMIT_POLICY};
pub use future::ResponseFuture;
pub use key::Key;
pub use key_by::{
    Both, ByApiKey, ByClientAddress, ByHeader, ByPrincipal, ByRoute, ByTenant, Either, Forwarding, KeyBy,
};
pub use layer::RateLimitLayer;
pub use memory::{MemoryLimiter, MemoryLimiterOptions, MemoryStatus, WhenFull};
pub use quota::Quota;
pub use quotas::{MAX_QUOTAS, Quotas};
pub use rate_limited::RateLimited;
pub use request_head::RequestHead;
pub use service::RateLimit;
pub use throttle::{Throttle, ThrottleError, ThrottleFuture, ThrottleLayer};
pub use verdict::{Outcome, Standing, Verdict};
