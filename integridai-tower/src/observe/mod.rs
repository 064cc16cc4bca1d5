//! One record per HTTP exchange, however it ends.
//!
//! [`ObserveLayer`] hands an [`Exchange`] to your [`Observe`]r exactly once for each request that reaches it: when
//! the response's body ended, failed or was dropped, when the inner service failed, or when the future was dropped
//! before there was an answer. Put it outermost, so that it sees what the client sees.
//!
//! It refuses nothing, changes no header and keeps the inner service's error. It does not log and does not count:
//! that is what the observer is for. It does not read the clock again while a body streams.
//!
//! # Outcomes
//! | [`Outcome`] | when |
//! | --- | --- |
//! | [`Completed`](Outcome::Completed) | the body was handed out to its end; or the response has none: `HEAD`, 1xx (an upgrade too), 204, 304, an accepted `CONNECT` |
//! | [`BodyFailed`](Outcome::BodyFailed) | the body yielded an error |
//! | [`ClientLeft`](Outcome::ClientLeft) | the future or an unfinished body was dropped: the server gave the client up, or a layer further out gave up waiting |
//! | [`ServiceFailed`](Outcome::ServiceFailed) | the inner service answered with an error, or panicked |
//!
//! "Handed out" means to the server: what then gets lost on the wire cannot be seen from here.
//!
//! # Bodies
//! The inner service gets its request with a [`CountedBody`], the caller its response with an [`ObservedBody`].
//! Both forward trailers, size hints and the end of the stream. Bytes are those of data frames: without heads,
//! trailers and framing.
//!
//! # Headers and extensions
//! Reads `content-length` of the response, which tells a body that was cut from one that the server stopped polling
//! because all was said. Writes none.
//!
//! # Examples
//! A closure is an observer:
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use integridai_tower::observe::{CountedBody, Exchange, ObserveLayer};
//! # use tower::{Layer, Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let layer = ObserveLayer::new(|exchange: &Exchange| {
//!     println!("{} {} {:?} {:?}", exchange.method, exchange.uri.path(), exchange.status, exchange.duration);
//! });
//! let mut service = layer.layer(tower::service_fn(|_: Request<CountedBody<Full<&'static [u8]>>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(&b"hello"[..])))
//! }));
//! let request = Request::new(Full::default());
//! let response = service.ready().await.unwrap().call(request).await.unwrap();
//! response.into_body().collect().await.unwrap(); // now the line is printed
//! # }
//! ```
//! An observer that keeps something of the request and of the response, and names routes:
//! ```
//! use std::sync::Arc;
//! use http::{HeaderValue, header, request, response};
//! use integridai_tower::observe::{Exchange, Observe, ObserveLayer};
//!
//! struct AccessLog;
//!
//! #[derive(Default)]
//! struct Line {
//!     agent: Option<HeaderValue>,
//!     cached: bool,
//! }
//!
//! impl Observe for AccessLog {
//!     type Context = Line;
//!
//!     fn begin(&self, request: &request::Parts) -> Line {
//!         Line { agent: request.headers.get(header::USER_AGENT).cloned(), cached: false }
//!     }
//!
//!     fn answered(&self, line: &mut Line, response: &response::Parts) {
//!         line.cached = response.headers.contains_key(header::AGE);
//!     }
//!
//!     fn end(&self, line: Line, exchange: &Exchange) {
//!         println!("{:?} {:?} cached={} {:?}", exchange.route, exchange.outcome, line.cached, line.agent);
//!     }
//! }
//!
//! let users: Arc<str> = "/users/{id}".into();
//! let layer = ObserveLayer::new(AccessLog)
//!     .route_by(move |request| request.uri.path().starts_with("/users/").then(|| users.clone()));
//! # let _ = layer;
//! ```
mod body;
mod exchange;
mod future;
mod layer;
mod observer;
mod recording;
mod route;
mod service;

pub use body::{CountedBody, ObservedBody};
pub use exchange::{Exchange, Outcome};
pub use future::ResponseFuture;
pub use layer::ObserveLayer;
pub use observer::Observe;
pub use service::Observed;
