//! Several services at the same time, and one answer: scatter/gather.
//!
//! [`gather`] runs futures of any types as named branches of one future and gives back a tuple, or a `Vec`. [`FanOut`] is a service
//! over several services: it sends each request to all of them and merges their answers. [`FanOutLayer`] splits a request into
//! several for one service. Branches are polled by the task that waits for the whole, each only when it was woken: nothing is spawned,
//! and to drop the whole drops every branch.
//!
//! # Branches
//! A branch is *required*, and there is no result without it, or *optional*, and its value may be missing. It has a time limit of its
//! own, and through its service whatever layers it needs: a retry here, a circuit breaker there. Time to become ready counts, so that
//! an overloaded service keeps only its own branch waiting. [`Policy`] says when there is a result; branches that still run then are
//! dropped.
//!
//! | policy | is done | fails |
//! | --- | --- | --- |
//! | [`Policy::Required`], the default | when all have ended | with the first required one that fails |
//! | [`Policy::All`] | when all have succeeded | with the first one that fails |
//! | [`Policy::Quorum`], [`Policy::FirstSuccess`] | when so many, and all required ones, have succeeded | when so many cannot any more |
//! | [`Policy::BestEffort`] | when all have ended, or after a time with what is there | without any |
//!
//! In each of them a required branch that fails ends the whole at once.
//!
//! # When it refuses
//! [`FanOut`] and [`FanOutLayer`] never answer with success without a required branch. They answer, as [`FanOutOptions::reject_with`]
//! says or as `application/problem+json` that names the branch:
//!
//! | status | when |
//! | --- | --- |
//! | 504 | a required branch, or the whole, ran out of time |
//! | 502 | a required branch failed, or its answer was not accepted or too long; too few succeeded |
//! | 413 | the request's body is longer than [`FanOutOptions::max_request_bytes`], or it is split into more than [`FanOutOptions::max_parts`] |
//! | 400 | the request's body broke off |
//!
//! # What it does not do
//! It does not retry, hedge or break circuits: put those layers around a branch's service. It does not stream: a request that goes to
//! several services is read first, and so are answers before they are merged, both within limits. It catches no panics.
//!
//! # Outcomes
//! [`BranchOutcomes`](crate::BranchOutcomes) tell of each branch how it ended, its status, latency and attempts
//! ([`Attempts`](crate::Attempts) of the response). They are in the result of [`gather`] and in the extensions of responses, where
//! `metrics` finds them. Each branch has a span `fan_out.branch` with the fields `branch`, `required`, `outcome`, `status`, `attempts`
//! and `error`, in the span of whoever asks.
//!
//! # Headers and extensions
//! Of a request: reads [`Deadline`](crate::Deadline), and gives each branch one of its own; passes on
//! [`CorrelationId`](crate::CorrelationId), and the whole head, but for the fields of a connection
//! (RFC 9110 §7.6.1). Where a [`Route`] does not [prepare](Route::prepare) a request, what is asked of the whole answer stays
//! behind too: `Range`, `If-Range`, of safe methods `If-None-Match` and `If-Modified-Since`; `Accept-Encoding` becomes `identity`,
//! and HEAD becomes GET, whose answers can be merged.
//! Of a response: writes `Server-Timing` (W3C Server Timing) with the time of each branch, unless told not to;
//! `Fan-Out-Missing` ([`MISSING`]), the names of the branches that are missing; [`BranchOutcomes`](crate::BranchOutcomes); and on a
//! refusal [`FanOutFailed`], [`Refused`](crate::Refused) and `Cache-Control: no-store`. A [`JsonMerge`] also lists missing branches in
//! its document, and then says `Cache-Control: no-store`.
//!
//! # Examples
//! Futures: see [`gather`]. A service over three services, of which one may be missing:
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use integridai_tower::fan_out::{FanOut, FanOutOptions, JsonMerge, Route};
//! use tower::{ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = |body: &'static str| service_fn(move |_: Request<Full<Bytes>>| async move {
//!     if body.is_empty() { Err(std::io::Error::other("down")) } else { Ok(Response::new(Full::<Bytes>::from(body))) }
//! });
//! let routes = (
//!     Route::required("profile", service(r#"{"name":"alice"}"#)).timeout(Duration::from_millis(500)),
//!     Route::required("orders", service("[1,2]")),
//!     Route::optional("advice", service("")),
//! );
//! let page = FanOut::new(routes, FanOutOptions::new(JsonMerge::members().flatten("profile")))?;
//!
//! let response = page.oneshot(Request::new(Full::<Bytes>::default())).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(response.headers()["fan-out-missing"], "advice");
//! let body = response.into_body().collect().await?.to_bytes();
//! assert_eq!(body, r#"{"name":"alice","orders":[1,2],"advice":null,"missing":["advice"]}"#);
//! # Ok(())
//! # }
//! ```
//! A layer that asks for each of the ids in a query by itself, eight at a time, and merges with a closure:
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, request};
//! use http_body_util::Full;
//! use integridai_tower::fan_out::{Answers, FanOutLayer, FanOutOptions, Part, Policy};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let by_id = |head: &request::Parts, _: &Bytes| -> Vec<Part> {
//!     let ids = head.uri.query().unwrap_or_default().split(',');
//!     ids.map(|id| Part::required(id.to_owned(), Request::get(format!("/{id}")).body(Bytes::new()).expect("a path"))).collect()
//! };
//! let lines = |answers: Answers| -> Response<Bytes> {
//!     let bodies = answers.into_successes().map(|(_, response)| response.into_body());
//!     Response::new(bodies.collect::<Vec<_>>().join(&b'\n').into())
//! };
//! let items = service_fn(async |request: Request<Full<Bytes>>| Ok::<_, std::io::Error>(Response::new(Full::new(Bytes::from(request.uri().path().to_owned())))));
//!
//! let layer = FanOutLayer::new(by_id, FanOutOptions::new(lines).policy(Policy::All).concurrency(8));
//! let response = layer.layer(items).oneshot(Request::get("/?a,b").body(Full::<Bytes>::default())?).await?;
//! assert_eq!(response.headers()["server-timing"].to_str()?.split(", ").count(), 2);
//! # Ok(())
//! # }
//! ```

mod answer;
mod branch;
mod branches;
mod collect;
mod engine;
mod error;
mod future;
mod gather;
mod json_merge;
mod json_object;
mod layer;
mod list;
mod merge;
mod options;
mod policy;
mod refusal;
mod route;
mod routes;
mod scatter;
mod server_timing;
mod service;
mod slot;
mod split;
mod wakers;

pub use answer::AnswerError;
pub use branch::{Branch, BranchFuture, Need, Optional, Report, Required};
pub use branches::{Branches, Element};
pub use error::{BranchError, GatherError};
pub use future::{MISSING, ResponseFuture};
pub use gather::{Gather, Gathered, gather};
pub use json_merge::JsonMerge;
pub use layer::{FanOutLayer, Split};
pub use merge::{Answers, Merge};
pub use options::FanOutOptions;
pub use policy::Policy;
pub use refusal::FanOutFailed;
pub use route::Route;
pub use routes::{AnyRoute, Routes};
pub use scatter::Scatter;
pub use server_timing::server_timing;
pub use service::FanOut;
pub use split::{Division, Part, SplitRequest};
