//! Which request it is: correlation ids and W3C Trace Context, in and out.
//!
//! [`CorrelationLayer`] gives each request an id: the caller's where it is valid, a new one otherwise. The id is in the
//! request's extensions, in its header, in the tracing span around the inner service, and on the answer. Told to, it reads
//! `traceparent` and `tracestate` (Trace Context level 2) and `baggage` too. [`PropagateLayer`] sends all that on.
//!
//! It refuses nothing and keeps the inner service's error. It records no spans: it names the operation, and
//! [`trace_by`](PropagateLayer::trace_by) and [`span_by`](CorrelationLayer::span_by) are where a tracing system of yours
//! takes over. It does not decide who a peer is: [`trust`](CorrelationLayer::trust) asks you.
//!
//! # What becomes of what a request says
//! | it says | then |
//! | --- | --- |
//! | one id, of 1 to 128 visible ASCII characters ([or fewer](CorrelationLayer::max_len)) | it is taken over |
//! | none, an invalid one, or several under one name | the next [alias](CorrelationLayer::alias) is asked, at last a UUID of version 7 [is made](CorrelationLayer::id_by) |
//! | a valid `traceparent`, of any version but `ff` | the request is a new operation in that trace; the flags sampled and random are kept |
//! | none, an invalid one, or several | a trace starts; `traceparent` and `tracestate` are removed from the request |
//! | several `tracestate` | they are one list, in their order; an invalid member, or more than 32, and none of it counts |
//! | `baggage` | what is valid is kept, to 64 members and 8192 bytes |
//! | anything, and the peer is not [trusted](CorrelationLayer::trust) | it is removed and made anew |
//!
//! # Where to stack it
//! Outermost: what is further out, neither sees the id nor is its answer echoed. Every answer that passes carries the id, also
//! those that inner layers made of a refusal, a timeout or a panic. An *error* passes as it is, and whoever makes an answer
//! of it further out has to add the id. tower-http's `TraceLayer` goes inside; the layer
//! of `observe` too, so that it finds the extension.
//!
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response};
//! use integridai_tower::CorrelationId;
//! use integridai_tower::correlation::CorrelationLayer;
//! # use tower::{Layer, Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut service = CorrelationLayer::new().layer(tower::service_fn(async |request: Request<()>| {
//!     // Near the request, and far from it.
//!     assert_eq!(request.extensions().get::<CorrelationId>(), CorrelationId::current().as_ref());
//!     Ok::<_, Infallible>(Response::new(()))
//! }));
//! let request = Request::get("/").header("x-correlation-id", "order-4711").body(()).unwrap();
//! let response = service.ready().await.unwrap().call(request).await.unwrap();
//! assert_eq!(response.headers()["x-correlation-id"], "order-4711");
//! # }
//! ```
//! Tuned: two names, short ids, callers that have to prove themselves, and traces of which every hundredth is sampled:
//! ```
//! use http::HeaderName;
//! use integridai_tower::correlation::{CorrelationLayer, TrustPeer};
//! # use http::request;
//!
//! /// Left in the extensions by the server, which knows the connection.
//! #[derive(Clone)]
//! struct IsInternal(bool);
//!
//! let trusted = |request: &request::Parts| request.extensions.get().is_some_and(|IsInternal(known)| *known);
//! let layer = CorrelationLayer::new()
//!     .alias(HeaderName::from_static("x-request-id"))
//!     .max_len(100)?
//!     .trust(trusted)
//!     .trace_context()
//!     .sample_by(|_| std::collections::hash_map::RandomState::new().hash_one(()) % 100 == 0)
//!     .baggage();
//! # use std::hash::BuildHasher;
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```
//!
//! # What is current
//! [`Correlation::current`], and [`CorrelationId::current`](crate::CorrelationId::current), tell it to code that does not see
//! the request: while the inner service is called, and while its future is polled and dropped. It does not go over to tasks
//! that are spawned, threads, or a response's body that is still streaming: hand it over with [`Correlation::scope`].
//!
//! # Towards other services
//! [`PropagateLayer`] goes around a client's transport. The id comes from the outgoing request's extensions, else from its
//! header if the caller put it there, else from what is current; the trace from [`trace_by`](PropagateLayer::trace_by), the
//! extensions or what is current. Where none of them knows, nothing is added: an earlier request is never remembered. The
//! `parent-id` that goes out is the operation of this service, or with [`operation_per_call`](PropagateLayer::operation_per_call)
//! one of the call's own.
//!
//! Baggage stays here, and a `baggage` header that somebody else put on the request is removed, unless
//! [`baggage`](PropagateLayer::baggage) says otherwise: it may hold what is not meant for other parties.
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response};
//! use integridai_tower::correlation::{Correlation, PropagateLayer, TraceContext};
//! # use tower::{Layer, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = PropagateLayer::new().layer(tower::service_fn(async |request: Request<()>| {
//!     Ok::<_, Infallible>(Response::new(request.headers().clone()))
//! }));
//! let job = Correlation::new("job-7".parse()?).with_trace(TraceContext::start(true));
//! let sent = job.clone().scope(client.oneshot(Request::new(()))).await?.into_body();
//! assert_eq!(sent["x-correlation-id"], "job-7");
//! assert_eq!(sent["traceparent"].to_str()?, job.trace().unwrap().to_string());
//! # Ok(())
//! # }
//! ```
//!
//! # Headers and extensions
//! | layer | reads | writes |
//! | --- | --- | --- |
//! | [`CorrelationLayer`] | `x-correlation-id` and aliases; `traceparent`, `tracestate`, `baggage` if told to | the id in the request's header and in the answer's; in the request's extensions [`CorrelationId`](crate::CorrelationId), and if told to [`TraceContext`] and, unless empty, [`Baggage`] |
//! | [`PropagateLayer`] | the same three extensions, `x-correlation-id` | `x-correlation-id` and aliases, `traceparent`, `tracestate`; `baggage` and a [`TraceContext`] of the call if told to |
mod asking;
mod baggage;
mod current;
mod echo;
mod error;
mod future;
mod layer;
mod list;
mod names;
mod percent;
mod propagate;
mod scope;
mod service;
mod settings;
mod trace_context;
mod trace_id;
mod trace_state;
mod traceparent;
mod trust;

#[cfg(test)]
mod tests;

pub use baggage::{BAGGAGE, Baggage, BaggageMember};
pub use current::Correlation;
pub use error::{InvalidBaggage, InvalidTraceContext};
pub use future::ResponseFuture;
pub use layer::CorrelationLayer;
pub use propagate::{Propagate, PropagateLayer};
pub use scope::Scoped;
pub use service::Correlated;
pub use trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
pub use trace_id::{SpanId, TraceId};
pub use trace_state::TraceState;
pub use traceparent::TraceFlags;
pub use trust::TrustPeer;
