//! Pace for calls that go out.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::charge::Charge;
use super::{Admit, Ask, Attempt, Key, Outcome, Verdict};
use crate::Refused;
use crate::readiness::take_ready;

type KeyOf<R> = dyn Fn(&R) -> Key + Send + Sync;

/// Keeps a client within the limits of what it calls: a request waits for its turn, up to a bound, and is sent then.
///
/// It works with requests of any kind, and fails with [`ThrottleError`] rather than make up a response.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::rate_limit::{Key, MemoryLimiter, Quota, ThrottleLayer};
/// use tower::{ServiceBuilder, service_fn};
///
/// // Ten calls a second to each host, and no call waits longer than two seconds.
/// let limiter = MemoryLimiter::new([Quota::per_second(10)])?;
/// let host = |request: &http::Request<()>| Key::from(request.uri().host().unwrap_or_default());
/// let service = ServiceBuilder::new()
///     .layer(ThrottleLayer::new(limiter, host).wait_up_to(Duration::from_secs(2)))
///     .service(service_fn(async |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(()))));
/// # let _ = service;
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[must_use]
pub struct ThrottleLayer<R> {
    limiter: Arc<dyn Admit>,
    key_of: Arc<KeyOf<R>>,
    patience: Duration,
}

/// Why a call was not made or failed.
///
/// The [source](Error::source) of a call that was not made is [`Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThrottleError<E> {
    /// It would have had to wait for longer than allowed; nothing was sent.
    Limited(Verdict),
    /// The service failed.
    Inner(E),
}

const LIMITED: Refused = Refused { layer: "rate_limit", reason: "over_quota" };

impl<E: fmt::Display> fmt::Display for ThrottleError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(_) => f.write_str("the limit of outgoing calls is reached"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for ThrottleError<E> {
    // Whoever looks for the transport's error has to find it, so it is a source and not looked through.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Limited(_) => Some(&LIMITED),
            Self::Inner(error) => Some(error),
        }
    }
}

impl<R> ThrottleLayer<R> {
    /// Asks `limiter` for each request by its key; none waits unless told.
    pub fn new(limiter: impl Admit + 'static, key_of: impl Fn(&R) -> Key + Send + Sync + 'static) -> Self {
        Self { limiter: Arc::new(limiter), key_of: Arc::new(key_of), patience: Duration::ZERO }
    }

    /// How long a request waits for its turn at most, on tokio's clock. One that is dropped meanwhile gives its place back.
    pub fn wait_up_to(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl<R> Clone for ThrottleLayer<R> {
    fn clone(&self) -> Self {
        let (limiter, key_of) = (Arc::clone(&self.limiter), Arc::clone(&self.key_of));
        Self { limiter, key_of, patience: self.patience }
    }
}

impl<R> fmt::Debug for ThrottleLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = f.debug_struct("ThrottleLayer");
        printer
            .field("quotas", &self.limiter.quotas())
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl<S, R> Layer<S> for ThrottleLayer<R> {
    type Service = Throttle<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Throttle { inner, layer: self.clone() }
    }
}

/// The service of [`ThrottleLayer`].
#[derive(Debug)]
pub struct Throttle<S, R> {
    inner: S,
    layer: ThrottleLayer<R>,
}

impl<S: Clone, R> Clone for Throttle<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: Service<R> + Clone, R> Service<R> for Throttle<S, R> {
    type Response = S::Response;
    type Error = ThrottleError<S::Error>;
    type Future = ThrottleFuture<S, R, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(ThrottleError::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let ThrottleLayer { limiter, key_of, patience } = &self.layer;
        let key = key_of(&request);
        let attempt = limiter.admit(&Ask { key: &key, cost: 1, patience: *patience });
        let state = match attempt {
            Attempt::Decided(verdict) => match verdict.outcome() {
                Outcome::Admitted { wait } if wait.is_zero() => {
                    State::Called { answer: self.inner.call(request) }
                }
                Outcome::Admitted { wait } => {
                    let charge = Charge::new(Arc::clone(limiter), key, 1, verdict);
                    let turn = Box::pin(wait_for(verdict, wait, charge));
                    State::Waiting { turn, next: Some((take_ready(&mut self.inner), request)) }
                }
                _ => State::Limited { verdict },
            },
            Attempt::Waiting(verdict) => {
                let turn = Box::pin(turn_of(verdict, Arc::clone(limiter), key));
                State::Waiting { turn, next: Some((take_ready(&mut self.inner), request)) }
            }
        };
        ThrottleFuture { state }
    }
}

async fn turn_of(
    verdict: Pin<Box<dyn Future<Output = Verdict> + Send>>,
    limiter: Arc<dyn Admit>,
    key: Key,
) -> Verdict {
    let verdict = verdict.await;
    match verdict.outcome() {
        Outcome::Admitted { wait } if !wait.is_zero() => {
            wait_for(verdict, wait, Charge::new(limiter, key, 1, verdict)).await
        }
        _ => verdict,
    }
}

/// Its time runs from now on, not from when it is polled; who does not wait to the end gives the charge back.
fn wait_for(verdict: Verdict, wait: Duration, charge: Charge) -> impl Future<Output = Verdict> + Send {
    let (turn, waiting) = (tokio::time::sleep(wait), charge.armed());
    async move {
        turn.await;
        drop(waiting.disarmed());
        verdict
    }
}

pin_project! {
    /// The future of [`Throttle`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ThrottleFuture<S, R, F> {
        #[pin]
        state: State<S, R, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, F> {
        Called { #[pin] answer: F },
        Limited { verdict: Verdict },
        Waiting { turn: Pin<Box<dyn Future<Output = Verdict> + Send>>, next: Option<(S, R)> },
    }
}

impl<S: Service<R>, R> Future for ThrottleFuture<S, R, S::Future> {
    type Output = Result<S::Response, ThrottleError<S::Error>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let (turn, next) = match self.as_mut().project().state.project() {
                StateProjection::Called { answer } => {
                    return answer.poll(context).map_err(ThrottleError::Inner);
                }
                StateProjection::Limited { verdict } => {
                    return Poll::Ready(Err(ThrottleError::Limited(*verdict)));
                }
                StateProjection::Waiting { turn, next } => (turn, next),
            };
            let verdict = ready!(turn.as_mut().poll(context));
            let (mut inner, request) = next.take().expect("this state is left at once");
            let next = if verdict.is_admitted() {
                State::Called { answer: inner.call(request) }
            } else {
                State::Limited { verdict }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

impl<S, R, F> fmt::Debug for ThrottleFuture<S, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Called { .. } => "Called",
            State::Limited { .. } => "Limited",
            State::Waiting { .. } => "Waiting",
        };
        f.debug_tuple("ThrottleFuture").field(&state).finish()
    }
}
