//! Layers around a service that does nothing, by the address at the other end of the connection. The requests are there
//! before the time is taken; what the service costs alone is taken with them.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode};
use integridai_tower::rate_limit::{ByClientAddress, Fields, RateLimitLayer, RequestHead};
use tower::{Layer, Service, service_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_resilience_ratelimiter::RateLimiterLayer;

use super::limiters::{self, KEYS, Name, PLENTY, Supply};
use super::turns::{Case, Contender};

type Answer = Result<Response<Body>, Infallible>;

const ROUNDS: u64 = 2_000;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, make: Box<dyn Fn() -> Vec<Contender>>| Case {
        name: format!("rate limit, layer, {name}"),
        rounds: ROUNDS,
        peer: "tower_governor",
        floor: Some("nothing"),
        make,
    };
    vec![
        case("one address, no fields", Box::new(|| without_fields(1))),
        case("100 000 addresses, no fields", Box::new(|| without_fields(KEYS))),
        case("one address, fields", Box::new(|| with_fields(1))),
        case("100 000 addresses, fields", Box::new(|| with_fields(KEYS))),
        case("refused, fields", Box::new(refused)),
    ]
}

fn without_fields(addresses: u32) -> Vec<Contender> {
    let ours = our_layer(Supply::Ample).fields(Fields::None);
    let theirs =
        GovernorConfigBuilder::default().period(Duration::from_millis(1)).burst_size(PLENTY).finish();
    let theirs: GovernorLayer<_, _, Body> = GovernorLayer::new(theirs.expect("it can work"));
    let without_keys = RateLimiterLayer::builder().limit_for_period(PLENTY as usize).build();
    vec![
        contender("ours", ours.layer(service()), addresses, StatusCode::OK),
        contender("tower_governor", theirs.layer(service()), addresses, StatusCode::OK),
        contender(
            "tower-resilience-ratelimiter, no keys",
            without_keys.expect("it can work").layer(service()),
            addresses,
            StatusCode::OK,
        ),
        contender("nothing", service(), addresses, StatusCode::OK),
    ]
}

fn with_fields(addresses: u32) -> Vec<Contender> {
    let theirs = GovernorConfigBuilder::default()
        .period(Duration::from_millis(1))
        .burst_size(PLENTY)
        .use_headers()
        .finish();
    let theirs: GovernorLayer<_, _, Body> = GovernorLayer::new(theirs.expect("it can work"));
    vec![
        contender("ours", our_layer(Supply::Ample).layer(service()), addresses, StatusCode::OK),
        contender("tower_governor", theirs.layer(service()), addresses, StatusCode::OK),
        contender("nothing", service(), addresses, StatusCode::OK),
    ]
}

/// Ours answers with a problem document, theirs with a line of text.
fn refused() -> Vec<Contender> {
    let theirs = GovernorConfigBuilder::default()
        .period(Duration::from_secs(3600))
        .burst_size(NonZeroU32::MIN.get())
        .use_headers()
        .finish();
    let theirs: GovernorLayer<_, _, Body> = GovernorLayer::new(theirs.expect("it can work"));
    let refused = StatusCode::TOO_MANY_REQUESTS;
    vec![
        contender("ours", our_layer(Supply::Spent).layer(service()), 1, refused),
        contender("tower_governor", theirs.layer(service()), 1, refused),
        contender("nothing", service(), 1, StatusCode::OK),
    ]
}

fn our_layer(supply: Supply) -> RateLimitLayer {
    let peer = |request: &RequestHead<'_>| {
        request.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
    };
    RateLimitLayer::new(limiters::ours(supply), ByClientAddress::new(peer))
}

fn service()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Ready<Answer>> + Clone
{
    service_fn(|request: Request<Body>| {
        black_box(request);
        ready(Ok(Response::new(Body::empty())))
    })
}

fn contender<S, B>(name: &'static str, service: S, addresses: u32, expected: StatusCode) -> Contender
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: std::fmt::Debug,
{
    let mut first = service.clone();
    (0..addresses).for_each(|number| drop(answer(&mut first, request(number))));
    let next = AtomicU32::new(0);
    let run = move |rounds: u64| {
        let mut service = service.clone();
        let mut time = Duration::ZERO;
        let mut left = rounds;
        while left > 0 {
            let batch = left.min(ROUNDS);
            let address = || next.fetch_add(48_271, Ordering::Relaxed) % addresses;
            let requests: Vec<_> = (0..batch).map(|_| request(address())).collect();
            let start = Instant::now();
            let answers = requests.into_iter().map(|request| answer(&mut service, request));
            assert!(answers.map(|answer| answer.status()).all(|status| status == expected));
            time += start.elapsed();
            left -= batch;
        }
        time
    };
    Contender { name, run: Box::new(run) }
}

fn request(address: u32) -> Request<Body> {
    let peer = SocketAddr::new(IpAddr::numbered(address), 443);
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// It answers without waiting.
fn answer<S, B>(service: &mut S, request: Request<Body>) -> Response<B>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: std::fmt::Debug,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(answer) => answer.expect("it does not fail"),
        Poll::Pending => panic!("it waits for something"),
    }
}
