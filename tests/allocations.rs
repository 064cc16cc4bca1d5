//! How often the library allocates on the thread that calls it, beside the same done by tower-http.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::print_stdout, reason = "the counts belong into the benches' tables")]

#[path = "../benches/correlation/sides.rs"]
mod sides;
#[path = "../benches/peers/benches/client/stacks.rs"]
mod stacks;

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use allocation_counter::measure;
use futures_util::FutureExt;
use http::{Request, Response};
use integridai_gateway::telemetry::traces::{self, Span, SpanKind};
use integridai_tower::client::balance::BalanceOptions;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::correlation::{Correlation, TraceContext};
use integridai_tower::fan_out::{Branch, gather};
use integridai_tower::rate_limit::{Key, MemoryLimiterOptions, Quota, WhenFull};
use integridai_tower::{CorrelationId, Deadline, Priority};
use sides::{CASES, Case, SIDES};
use stacks::{Sent, ask, correlation, ours, towers, with_id, without_id};
use tower::{Layer, Service, ServiceExt, service_fn};

/// Allocations of one exchange, those of making the request and the answer left out.
fn allocations(case: &Case, side: &str) -> u64 {
    let side = SIDES.iter().find(|known| known.name == side).unwrap();
    let mut serve = (side.service)(case);
    // What is set up once, such as the thread's random numbers, is no cost of an exchange.
    serve(case.request());
    let requests: Vec<_> = (0..100).map(|_| case.request()).collect();
    measure(|| requests.into_iter().for_each(&mut *serve)).count_total / 100
}

#[test]
fn the_correlation_layer_allocates_less_than_the_pair_of_tower_http() {
    for case in CASES {
        let [nothing, ours, pair] = ["nothing", "ours", "pair"].map(|side| allocations(case, side));
        println!("{}: CorrelationLayer {}, tower-http's pair {}", case.name, ours - nothing, pair - nothing);
        assert!(ours < pair, "{}: {ours} and {pair}", case.name);
    }
}

#[test]
fn branches_that_are_ready_allocate_once_for_their_outcomes() {
    let gathered = || {
        let branch = |name| Branch::required(name, ready(Ok::<_, Infallible>(1)));
        let timed = |name| branch(name).timeout(Duration::from_secs(1));
        gather((branch("a"), timed("b"), timed("c"))).now_or_never().unwrap().unwrap().values
    };
    assert_eq!(gathered(), (1, 1, 1));
    let made = measure(|| {
        (0..100).map(|_| gathered()).for_each(|values| assert_eq!(values, (1, 1, 1)));
    });
    assert_eq!(made.count_total, 100);
}

/// A tenth of the flood.
const STEP: u32 = 500_000;

#[test]
fn a_flood_of_keys_takes_no_memory_and_frees_no_limited_key() {
    let options = MemoryLimiterOptions::new().max_keys(100_000).when_full(WhenFull::Refuse);
    let limiter = options.build([Quota::per_day(2)]).unwrap();
    let limited = Key::from("limited");
    assert!((0..2).all(|_| limiter.check(&limited).is_admitted()));
    let mut heap = [0; 11];
    for tenth in 1..heap.len() {
        let flood = measure(|| {
            for number in (0..STEP).map(|number| number + STEP * tenth as u32) {
                let address = std::net::Ipv4Addr::from_bits(number);
                let _ = limiter.check(&Key::from(std::net::IpAddr::from(address)));
            }
        });
        heap[tenth] = heap[tenth - 1] + flood.bytes_current;
        assert!(!limiter.check(&limited).is_admitted(), "after {tenth} tenths");
    }
    println!("heap after 0, 500 000, … 5 000 000 further keys: {heap:?}; {:?}", limiter.status());
    assert!(limiter.status().keys <= 102_400);
    assert!(heap[2..].iter().all(|bytes| bytes.abs_diff(heap[2]) < 100_000), "{heap:?}");
    assert!(heap[10] < 3_000_000, "{heap:?}");
}

/// Allocations of a call, once what is made once has been made.
fn per_call<S: Service<Request<()>> + Clone>(service: &S) -> u64 {
    let call = || {
        let mut service = service.clone();
        async move {
            let ready = service.ready().await.ok().expect("it is always ready");
            assert!(ready.call(Request::new(())).await.is_ok());
        }
    };
    let calls = |count| (0..count).for_each(|_| call().now_or_never().expect("nothing waits"));
    calls(20);
    measure(|| calls(100)).count_total
}

#[test]
fn neither_a_limit_with_room_nor_the_choice_of_an_address_allocates() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let nothing = || service_fn(async |_: Request<()>| Ok::<_, std::io::Error>(Response::new(())));
    let _runtime = runtime.enter();
    let limit = LimitOptions::adaptive().build("allocations").unwrap();
    let balancer = BalanceOptions::new().build("allocations", 0..3, move |_| nothing()).unwrap();
    let limited = per_call(&ConcurrencyLimitLayer::new(limit).layer(nothing()));
    let balanced = per_call(&balancer.service());
    println!("100 calls: ConcurrencyLimitLayer {limited}, Balance {balanced}");
    assert_eq!((limited, balanced), (0, 0));
}

/// Allocations of an exchange, those of making the request left out.
fn per_exchange<S: Service<Sent>>(mut service: S, request: impl Fn() -> Sent) -> u64 {
    (0..20).for_each(|_| ask(&mut service, request()));
    let requests: Vec<_> = (0..100).map(|_| request()).collect();
    measure(|| requests.into_iter().for_each(|request| ask(&mut service, request))).count_total.div_ceil(100)
}

#[test]
fn the_whole_stack_of_a_client_allocates_six_times_at_most() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _runtime = runtime.enter();
    let asked_for_in_time = || {
        let mut request = without_id();
        request.extensions_mut().insert(Deadline::after(Duration::from_millis(500)));
        request
    };
    let with_an_id_of_its_own = || {
        let mut request = asked_for_in_time();
        request.extensions_mut().insert(CorrelationId::generate());
        request.extensions_mut().insert(Priority::High);
        request
    };
    let current = |limit, request: &dyn Fn() -> Sent| {
        correlation().scope(async move { per_exchange(ours(&limit), request) }).now_or_never().unwrap()
    };
    let counts = [
        current(LimitOptions::fixed(100), &without_id),
        current(LimitOptions::adaptive(), &without_id),
        current(LimitOptions::adaptive(), &asked_for_in_time),
        current(LimitOptions::adaptive(), &with_an_id_of_its_own),
    ];
    let peer = per_exchange(towers(), with_id);
    println!("the stack of a client {counts:?}, tower's timeout, retry and concurrency limit {peer}");
    assert!(counts.iter().all(|count| *count <= 6), "{counts:?}");
}

#[test]
fn where_no_spans_are_taken_asking_for_them_allocates_nothing() {
    let correlated = Correlation::new(CorrelationId::generate()).with_trace(TraceContext::start(true));
    let name = || -> String { unreachable!("no span is told, so none is named") };
    let asked = async {
        let asked = measure(|| {
            for _ in 0..100 {
                assert!(!traces::samples() && traces::current().is_none());
                let mut span = Span::begin(SpanKind::Internal, name);
                span.tell(|_| unreachable!("no span is told"));
                span.around(ready(())).now_or_never().unwrap();
            }
        });
        asked.count_total
    };
    assert_eq!(correlated.scope(asked).now_or_never(), Some(0));
    assert!(size_of::<Span>() <= size_of::<usize>(), "futures that hold one are no larger for it");
}
