//! What the auth layers cost by themselves, in memory, beside tower-http's layers for the same and nothing.
#![allow(missing_docs, reason = "criterion's macros")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::header::AUTHORIZATION;
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::Full;
use integridai_tower::Principal;
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
use integridai_tower::auth::{
    AuthenticateLayer, AuthorizeLayer, Bearer, Fact, ForwardIdentityLayer, Reason, Scheme,
};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::auth::AsyncRequireAuthorizationLayer;

const TOKEN: &str = "Bearer mF_9.B5f-4.1JqM";

#[allow(clippy::needless_pass_by_value, reason = "a service is called with its request")]
fn respond(request: Request<()>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    black_box(request.extensions().get::<Principal>());
    ready(Ok(Response::new(Full::new(Bytes::from_static(b"ok")))))
}

fn alice() -> Principal {
    Principal::builder("alice").scopes(["metrics:read", "metrics:write"]).build()
}

fn request(name: HeaderName, value: &str) -> Request<()> {
    let mut request = Request::get("/v1/metrics").header("accept", "*/*").body(()).expect("a request");
    request.headers_mut().insert(name, value.parse().expect("a value"));
    request
}

async fn exchange<S, B>(service: &mut S, request: Request<()>, expected: StatusCode)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let response = service.ready().await.expect("always ready").call(request).await;
    assert_eq!(black_box(response.expect("it always answers")).status(), expected);
}

/// The same request through each service; the cost of making it is in "nothing" too.
fn measure<S, B>(
    criterion: &mut Criterion,
    name: &str,
    mut service: S,
    ask: impl Fn() -> Request<()>,
    status: u16,
) where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let expected = StatusCode::from_u16(status).expect("a status");
    let mut group = criterion.benchmark_group("auth");
    let runtime = runtime();
    group.bench_function(name, |bench| {
        bench.iter(|| runtime.block_on(exchange(&mut service, ask(), expected)));
    });
    group.finish();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn tokens(criterion: &mut Criterion) {
    let token = || request(AUTHORIZATION, TOKEN);
    measure(criterion, "nothing", service_fn(respond), token, 200);

    let known = alice();
    let bearer =
        Bearer::new(
            move |token: &str| {
                if TOKEN.ends_with(token) { Ok(known.clone()) } else { Err(Reason::UnknownKey) }
            },
        );
    let layer = AuthenticateLayer::new(bearer);
    measure(criterion, "AuthenticateLayer, a token", layer.layer(service_fn(respond)), token, 200);

    let known = alice();
    let peer = AsyncRequireAuthorizationLayer::new(move |mut request: Request<()>| {
        let token = Scheme::BEARER.credentials(request.headers());
        let is_known = matches!(token, Ok(Some(token)) if TOKEN.ends_with(token));
        request.extensions_mut().insert(known.clone());
        ready(if is_known { Ok(request) } else { Err(Response::new(Full::<Bytes>::default())) })
    });
    measure(criterion, "tower-http's, a token", peer.layer(service_fn(respond)), token, 200);

    let wrong = || request(AUTHORIZATION, "Bearer wrong");
    measure(criterion, "AuthenticateLayer, refused", layer.layer(service_fn(respond)), wrong, 401);
}

fn api_keys(criterion: &mut Criterion) {
    let hasher = ApiKeyHasher::peppered(&[7; 32]).expect("it is long enough");
    let (key, record) = ApiKeyRecord::issue("igd", "billing", &hasher).expect("there are random numbers");
    let ring = ApiKeyRing::new([record]).expect("it is one");
    let layer = AuthenticateLayer::new(ApiKeys::new(ring, hasher));
    let ask = || request(HeaderName::from_static("x-api-key"), key.expose());
    measure(criterion, "AuthenticateLayer, an API key", layer.layer(service_fn(respond)), ask, 200);
}

fn principals(criterion: &mut Criterion) {
    let known = alice();
    let ask = || {
        let mut request = request(AUTHORIZATION, TOKEN);
        request.extensions_mut().insert(known.clone());
        request
    };
    measure(criterion, "nothing, with a principal", service_fn(respond), ask, 200);
    let authorize = AuthorizeLayer::new().all_scopes(["metrics:read"]).expect("a scope");
    measure(criterion, "AuthorizeLayer", authorize.layer(service_fn(respond)), ask, 200);
    let forward = ForwardIdentityLayer::new()
        .header(HeaderName::from_static("x-user-id"), Fact::Subject)
        .header(HeaderName::from_static("x-user-scopes"), Fact::Scopes);
    let service = ServiceBuilder::new().layer(forward).service(service_fn(respond));
    measure(criterion, "ForwardIdentityLayer", service, ask, 200);
}

criterion_group!(benches, tokens, api_keys, principals);
criterion_main!(benches);
