//! What it costs to limit calls at once and to choose an address, beside tower's own, over services that are always ready. First
//! the ratios, each of medians of rounds in which all take turns; then criterion's groups.
//!
//! tower's balancer is not `Clone`: `tower, alone` is the balancer itself, which one caller can have, `tower, shared` stands behind
//! its `Buffer`, as many callers have it. Ours is cloned for each call, as a `ServiceClient` does, unless it says `kept`.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- nothing` prints the ratios alone.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "rate_limit/turns.rs"]
mod turns;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response};
use integridai_tower::client::balance::{BalanceOptions, Balancer, Load};
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use tokio::runtime::{Builder, Runtime};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load::{CompleteOnResponse, PeakEwma};
use tower::{BoxError, Layer, Service, ServiceExt};

use turns::{Case, Contender};

#[derive(Clone)]
struct Nothing;

impl Service<Request<()>> for Nothing {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(())))
    }
}

/// One call that is ready and answered at once.
fn ask<S: Service<Request<()>>>(service: &mut S) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "it is always ready");
    let answer = pin!(service.call(Request::new(())));
    assert!(black_box(answer.poll(&mut context)).is_ready());
}

fn timed(rounds: u64, mut round: impl FnMut()) -> Duration {
    let began = Instant::now();
    (0..rounds).for_each(|_| round());
    began.elapsed()
}

/// The instance stays with its caller.
fn kept<S: Service<Request<()>> + Clone + 'static>(name: &'static str, service: S) -> Contender {
    let run = move |rounds| {
        let mut service = service.clone();
        timed(rounds, || ask(&mut service))
    };
    Contender { name, run: Box::new(run) }
}

/// Each call has a clone.
fn cloned<S: Service<Request<()>> + Clone + 'static>(name: &'static str, service: S) -> Contender {
    Contender { name, run: Box::new(move |rounds| timed(rounds, || ask(&mut service.clone()))) }
}

/// Two threads call at once, each so many times.
fn at_once<S>(name: &'static str, service: S) -> Contender
where
    S: Service<Request<()>> + Clone + Send + Sync + 'static,
{
    let run = move |rounds| {
        timed(1, || {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    let mut service = service.clone();
                    scope.spawn(move || (0..rounds).for_each(|_| ask(&mut service)));
                }
            });
        })
    };
    Contender { name, run: Box::new(run) }
}

fn fixed() -> ConcurrencyLimitLayer {
    ConcurrencyLimitLayer::new(LimitOptions::fixed(100).build("bench").expect("it can work"))
}

fn adaptive() -> ConcurrencyLimitLayer {
    ConcurrencyLimitLayer::new(LimitOptions::adaptive().build("bench").expect("it can work"))
}

fn limits() -> Vec<Contender> {
    vec![
        kept("ours, adaptive", adaptive().layer(Nothing)),
        kept("ours, fixed", fixed().layer(Nothing)),
        kept("tower", GlobalConcurrencyLimitLayer::new(100).layer(Nothing)),
        kept("nothing", Nothing),
    ]
}

fn limits_on_two_threads() -> Vec<Contender> {
    vec![
        at_once("ours, adaptive", adaptive().layer(Nothing)),
        at_once("ours, fixed", fixed().layer(Nothing)),
        at_once("tower", GlobalConcurrencyLimitLayer::new(100).layer(Nothing)),
        at_once("nothing", Nothing),
    ]
}

fn ours(load: Load) -> Balancer<usize, Nothing> {
    BalanceOptions::new().load(load).build("bench", 0..3, |_| Nothing).expect("it can work")
}

fn towers() -> impl Service<Request<()>, Response = Response<()>, Error = BoxError, Future: Send> + Send {
    let address = |_| PeakEwma::new(Nothing, Duration::from_secs(1), 10e9, CompleteOnResponse::default());
    Balance::new(ServiceList::new((0..3).map(address)))
}

fn towers_alone() -> Contender {
    let service = std::sync::Mutex::new(towers());
    let run = move |rounds| {
        let mut service = service.lock().expect("no round panics");
        timed(rounds, || ask(&mut *service))
    };
    Contender { name: "tower, alone", run: Box::new(run) }
}

/// A thread of its own drives the buffer.
fn towers_shared() -> Contender {
    let runtime: Arc<Runtime> =
        Arc::new(Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime"));
    let buffer = runtime.block_on(async { Buffer::new(towers(), 100) });
    let run = move |rounds| {
        let call = async || drop(black_box(buffer.clone().oneshot(Request::new(())).await));
        timed(rounds, || runtime.block_on(call()))
    };
    Contender { name: "tower, shared", run: Box::new(run) }
}

fn balancers() -> Vec<Contender> {
    vec![
        cloned("ours", ours(Load::PeakEwma).service()),
        kept("ours, kept", ours(Load::PeakEwma).service()),
        cloned("ours, pending requests", ours(Load::PendingRequests).service()),
        towers_alone(),
        towers_shared(),
        kept("nothing", Nothing),
    ]
}

fn cases() -> Vec<Case> {
    let case = |name: &str, peer, make: fn() -> Vec<Contender>| Case {
        name: format!("load, {name}"),
        rounds: 2000,
        peer,
        floor: Some("nothing"),
        make: Box::new(make),
    };
    vec![
        case("limit", "tower", limits),
        case("limit, two threads", "tower", limits_on_two_threads),
        case("balance, three addresses", "tower, alone", balancers),
    ]
}

fn main() {
    turns::run(&cases());
}
