//! Calls that end in time, and services that know how much there is.
//!
//! [`DeadlineLayer`] gives each call the time that its request has left: what the [`Deadline`] in its extensions says, what
//! its fields say, and a time of the layer's own, whichever ends first. The service is told, so that it can stop working
//! for a client that has left. A call for which too little is left is not made.
//!
//! [`ReadDeadlineLayer`] stands in front of a server and reads what [`DeadlineLayer`] writes.
//!
//! # Once for the request, once for each attempt
//! Outermost it bounds the whole, with all repetitions and pauses; inside of a [`RetryLayer`](super::retry::RetryLayer) it
//! bounds one attempt, so that one that hangs leaves time for another, and writes what is left by then. See the order of
//! [the layers](super).
//!
//! # Headers and extensions
//! | read and written | on | what |
//! | --- | --- | --- |
//! | `X-Request-Deadline` | requests | the time left in whole milliseconds, rounded down |
//! | `grpc-timeout` | requests; written where `Content-Type` begins with `application/grpc` | the same, as gRPC over HTTP/2 has it |
//! | [`Deadline`] | request extensions | the same moment, for the layers below |
//!
//! # When it refuses
//! With [`DeadlineError::TooLate`] when less is left than [`DeadlineLayer::at_least`]: nothing was sent. With
//! [`DeadlineError::Passed`] when the time is up; the call is dropped then, and so is its connection. Both are errors of the
//! client; neither is made into a response. A body whose time is up ends with [`DeadlinePassed`].
//!
//! # What it does not do
//! It does not bound the wait for readiness before a call, since there is no request yet:
//! [`ServiceClient`](super::ServiceClient) does. A body that is never waited for is not cut off.
//!
//! # Examples
//! With defaults:
//! ```
//! use std::time::Duration;
//! use http::{Request, Response};
//! use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let hanging = service_fn(|_: Request<()>| std::future::pending::<Result<Response<()>, std::io::Error>>());
//! let client = DeadlineLayer::new(Duration::from_millis(10)).layer(hanging);
//! let error = client.oneshot(Request::new(())).await.unwrap_err();
//! assert!(matches!(error, DeadlineError::Passed(_)));
//! # }
//! ```
//! Tuned, for a request that another one caused:
//! ```
//! use std::time::Duration;
//! use http::{Request, Response};
//! use integridai_tower::Deadline;
//! use integridai_tower::client::deadline::{DeadlineError, DeadlineLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let told = service_fn(async |request: Request<()>| {
//!     Ok::<_, std::io::Error>(Response::new(request.headers()["x-request-deadline"].clone()))
//! });
//! let client = DeadlineLayer::new(Duration::from_secs(5)).at_least(Duration::from_millis(20)).head_only().layer(told);
//!
//! let mut request = Request::new(());
//! request.extensions_mut().insert(Deadline::after(Duration::from_secs(2)));
//! assert!(client.clone().oneshot(request).await.is_ok());
//!
//! let mut request = Request::new(());
//! request.extensions_mut().insert(Deadline::after(Duration::from_millis(5)));
//! let error = client.oneshot(request).await.unwrap_err();
//! assert!(matches!(error, DeadlineError::TooLate(late) if late.needed == Duration::from_millis(20)));
//! # Ok(())
//! # }
//! ```

mod body;
mod error;
mod fields;
mod future;
mod layer;
mod read;

use std::time::Duration;

use http::Request;
use tokio::time::Instant;

pub use body::DeadlineBody;
pub use error::{DeadlineError, DeadlinePassed, TooLate};
pub use fields::{REQUEST_DEADLINE, grpc_timeout};
pub use future::ResponseFuture;
pub use layer::{DeadlineLayer, DeadlineService};
pub use read::{ReadDeadline, ReadDeadlineLayer};

use crate::Deadline;

/// When a call has to end, and the time that it was given for that.
#[derive(Debug, Clone, Copy)]
struct Bound {
    deadline: Deadline,
    given: Duration,
}

impl Bound {
    /// The earliest of what the request's extensions and fields say and of `time` from now.
    fn of<B>(request: &Request<B>, time: Duration) -> Self {
        let time = fields::read(request.headers()).map_or(time, |left| left.min(time));
        let now = Instant::now();
        if let Some(deadline) = request.extensions().get::<Deadline>() {
            let left = deadline.instant().saturating_duration_since(now);
            if left <= time {
                return Self { deadline: *deadline, given: left };
            }
        }
        Self { deadline: Deadline::since(now, time), given: time }
    }
}
