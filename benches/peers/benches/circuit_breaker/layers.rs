//! Layers around a service that answers at once.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use http::{Request, Response};
use integridai_tower::circuit_breaker::{Circuit, CircuitBreakerLayer};
use tower::{Layer, Service, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer as Theirs, SlidingWindowType};

use super::cores::{WINDOW, by_calls, by_time};
use super::turns::{Case, Contender};

type Answer = Result<Response<()>, Infallible>;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, rounds, threads| Case {
        name: format!("circuit breaker, layer, {name}"),
        rounds,
        peer: "tower-resilience-circuitbreaker, of calls",
        floor: Some("nothing"),
        make: Box::new(move || contenders(threads)),
    };
    vec![case("one thread", 10_000, 1), case("two threads", 50_000, 2)]
}

fn contenders(threads: u64) -> Vec<Contender> {
    let theirs = || Theirs::builder().failure_rate_threshold(0.5).minimum_number_of_calls(WINDOW as usize);
    let of_calls = theirs().sliding_window_size(WINDOW as usize).build().expect("it can work");
    // Of a tenth of a second: theirs goes over every call of the time, at each call.
    let of_time = theirs()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(Duration::from_millis(100))
        .build()
        .expect("it can work");
    vec![
        contender("ours, of calls", threads, ours(by_calls())),
        contender("ours, of time", threads, ours(by_time())),
        contender("tower-resilience-circuitbreaker, of calls", threads, of_calls.layer(service())),
        contender("tower-resilience-circuitbreaker, of time", threads, of_time.layer(service())),
        contender("nothing", threads, service()),
    ]
}

fn ours(
    circuit: Circuit,
) -> impl Service<Request<()>, Response = Response<()>, Error: fmt::Debug, Future: Send> + Clone + Send + Sync
{
    CircuitBreakerLayer::new(circuit).layer(service())
}

fn service() -> impl Service<Request<()>, Response = Response<()>, Error = Infallible, Future = Ready<Answer>>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(|request: Request<()>| {
        black_box(request);
        ready(Ok(Response::new(())))
    })
}

fn contender<S>(name: &'static str, threads: u64, service: S) -> Contender
where
    S: Service<Request<()>, Response = Response<()>, Error: fmt::Debug> + Clone + Send + Sync + 'static,
{
    let run = move |rounds: u64| {
        let barrier = Barrier::new(usize::try_from(threads).expect("a few"));
        let work = || {
            let mut service = service.clone();
            let waker = Arc::new(Unpark(thread::current())).into();
            barrier.wait();
            let start = Instant::now();
            (0..rounds).for_each(|_| answer(&mut service, &waker));
            start.elapsed()
        };
        if threads == 1 {
            return work();
        }
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let times = workers.into_iter().map(|worker| worker.join().expect("it does not panic"));
            times.max().unwrap_or(Duration::ZERO)
        })
    };
    Contender { name, run: Box::new(run) }
}

/// The service answers at once; what is around it may wait for another thread.
fn answer<S>(service: &mut S, waker: &Waker)
where
    S: Service<Request<()>, Response = Response<()>, Error: fmt::Debug>,
{
    let mut context = Context::from_waker(waker);
    assert!(matches!(service.poll_ready(&mut context), Poll::Ready(Ok(()))));
    let mut future = pin!(service.call(Request::new(())));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => {
                return assert!(answer.expect("it is closed").status().is_success());
            }
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
