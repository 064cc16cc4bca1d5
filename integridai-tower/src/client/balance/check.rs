//! Asks each address how it is.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, sleep_until, timeout};
use tower_service::Service;

use super::Balancer;
use super::balancer::{Member, Shared};
use crate::{BoxError, ConfigError};

/// How often each address is asked how it is, and what is made of it.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct HealthOptions {
    interval: Duration,
    timeout: Duration,
    rise: u32,
    fall: u32,
    jitter: f64,
}

/// More than any service has to say about its health.
const MAX_BODY_BYTES: usize = 64 * 1024;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl HealthOptions {
    /// Each 10 s, with 2 s for an answer; three failures in a row make an address unhealthy, two successes healthy again.
    pub fn new() -> Self {
        let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(2));
        Self { interval, timeout, rise: 2, fall: 3, jitter: 0.1 }
    }

    /// The time from one round of checks to the next. One that takes longer is followed by the next at once.
    pub fn interval(mut self, time: Duration) -> Self {
        self.interval = time;
        self
    }

    /// How long a check may take, body included.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Checks in a row that have to succeed before calls go to an address again.
    pub fn rise(mut self, checks: u32) -> Self {
        self.rise = checks;
        self
    }

    /// Checks in a row that have to fail before calls go there no more.
    pub fn fall(mut self, checks: u32) -> Self {
        self.fall = checks;
        self
    }

    /// The share by which an interval may be shorter, by chance, so that many clients do not ask at once; 0 to 1.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        let is_time = |time: Duration| !time.is_zero() && time <= DAY;
        let settings = [
            ("interval", is_time(self.interval), "expected more than 0, up to a day"),
            ("timeout", is_time(self.timeout), "expected more than 0, up to a day"),
            ("rise", self.rise > 0, "expected at least 1"),
            ("fall", self.fall > 0, "expected at least 1"),
            ("jitter", (0.0..=1.0).contains(&self.jitter), "expected 0 to 1"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))
    }
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Checks the addresses of a [`Balancer`] while it is polled; ends when nobody has the balancer any more.
///
/// Once it is dropped, the addresses stay as the last checks found them.
#[must_use = "addresses are checked only while this future is polled"]
pub struct CheckHealth(Pin<Box<dyn Future<Output = ()> + Send>>);

impl<A, S> Balancer<A, S> {
    /// The future that asks each address how it is, by this request: it is well when the answer is 2xx, and all of it comes in
    /// time. Checks go through the address's service, and are no calls: they change neither its time nor its ejection.
    ///
    /// # Errors
    /// Where a setting cannot work.
    pub fn check_health<B, T>(
        &self,
        options: HealthOptions,
        request: impl Fn(&A) -> Request<B> + Send + Sync + 'static,
    ) -> Result<CheckHealth, ConfigError>
    where
        A: Send + Sync + 'static,
        S: Service<Request<B>, Response = Response<T>, Future: Send> + Clone + Send + 'static,
        B: Send + 'static,
        T: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        options.check()?;
        let shared = self.downgrade();
        Ok(CheckHealth(Box::pin(async move { check_always(&shared, options, request).await })))
    }
}

async fn check_always<A, S, B, T>(
    shared: &Weak<Shared<A, S>>,
    options: HealthOptions,
    request: impl Fn(&A) -> Request<B> + Send + Sync,
) where
    A: Send + Sync,
    S: Service<Request<B>, Response = Response<T>, Future: Send> + Clone + Send,
    B: Send,
    T: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    loop {
        let next = Instant::now() + options.interval.mul_f64(1.0 - options.jitter * rand::random::<f64>());
        {
            let Some(balancer) = Balancer::upgrade(shared) else { return };
            let members = balancer.members();
            let check = |member| check(&balancer, member, &options, request(member_address(member)));
            all(members.iter().map(check).map(Box::pin).collect()).await;
        }
        sleep_until(next).await;
    }
}

fn member_address<A, S>(member: &Arc<Member<A, S>>) -> &A {
    &member.address
}

async fn check<A, S, B, T>(
    balancer: &Balancer<A, S>,
    member: &Arc<Member<A, S>>,
    options: &HealthOptions,
    request: Request<B>,
) where
    S: Service<Request<B>, Response = Response<T>> + Clone,
    T: Body<Error: Into<BoxError>>,
{
    let is_well = timeout(options.timeout, is_well(member.service(), request)).await;
    let is_well = is_well.is_ok_and(|is_well| is_well);
    balancer.scores().record_check(&member.standing, is_well, options.rise, options.fall);
}

async fn is_well<S, B, T>(mut service: S, request: Request<B>) -> bool
where
    S: Service<Request<B>, Response = Response<T>>,
    T: Body<Error: Into<BoxError>>,
{
    if poll_fn(|context| service.poll_ready(context)).await.is_err() {
        return false;
    }
    let Ok(response) = service.call(request).await else { return false };
    let is_success = response.status().is_success();
    // Read to its end, whatever it says, so that the connection can be used again.
    Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await.is_ok() && is_success
}

/// Ends when all have.
async fn all<F: Future + Unpin>(mut futures: Vec<F>) {
    poll_fn(|context| {
        futures.retain_mut(|future| Pin::new(future).poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Future for CheckHealth {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for CheckHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckHealth")
    }
}
