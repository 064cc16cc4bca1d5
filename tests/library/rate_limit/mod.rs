//! The rate-limit layer over a probe: whom it admits, and what it tells.

mod client_address;
mod contract;
mod keys;
mod throttle;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, StatusCode, request, response};
use http_body_util::BodyExt;
use integridai_tower::rate_limit::{
    Fields, Key, MemoryLimiter, MemoryLimiterOptions, Outcome, Quota, RateLimitLayer, RateLimited,
    RequestHead, Verdict, WhenFull, WithoutKey,
};
use integridai_tower::{Clock, EarlyBody, Refusal, Refused, WouldRefuse};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::endpoint::{Answer, answer};

/// All that a client and the layers further out see.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    refused: Option<Refused>,
    would_refuse: Option<WouldRefuse>,
    limited: Option<RateLimited>,
    verdict: Option<Verdict>,
    body: Bytes,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn ask<S>(service: S, request: Request<()>) -> Reply
where
    S: Service<Request<()>, Response = Response<EarlyBody<http_body_util::Full<Bytes>>>, Error = Infallible>,
{
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    Reply {
        status: head.status,
        headers: head.headers,
        refused: head.extensions.get().copied(),
        would_refuse: head.extensions.get().copied(),
        limited: head.extensions.get().cloned(),
        verdict: head.extensions.get().copied(),
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// A request of somebody.
fn of(who: &str) -> Request<()> {
    Request::get("/v1/thing?secret=1").header("x-who", who).body(()).unwrap()
}

fn who(request: &RequestHead<'_>) -> Option<Key> {
    request.headers.get("x-who").map(|value| Key::new().bytes(value.as_bytes()))
}

async fn inner(request: Request<()>) -> Result<Answer, Infallible> {
    let status =
        request.headers().get("x-status").map_or(200, |value| value.to_str().unwrap().parse().unwrap());
    Ok(answer(status, "inner"))
}

fn stopped(quotas: impl IntoIterator<Item = Quota>) -> (MemoryLimiter, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    (MemoryLimiterOptions::new().clock(clock.clone()).build(quotas).unwrap(), clock)
}

/// Two a minute for each who.
fn two() -> (RateLimitLayer, Clock) {
    let (limiter, clock) = stopped([Quota::per_minute(2)]);
    (RateLimitLayer::new(limiter, who), clock)
}

#[tokio::test]
async fn over_the_quota_a_request_is_refused_until_its_time_has_come() {
    let (layer, clock) = two();
    let service = layer.keep_verdict().layer(service_fn(inner));
    for remaining in ["\"minute\";r=1;t=30", "\"minute\";r=0;t=60"] {
        let reply = ask(service.clone(), of("a")).await;
        assert_eq!((reply.status.as_u16(), reply.header("ratelimit")), (200, Some(remaining)));
        assert_eq!(reply.header("ratelimit-policy"), Some("\"minute\";q=2;w=60"));
        assert!(reply.verdict.is_some_and(|verdict| verdict.is_admitted()) && reply.refused.is_none());
    }
    clock.advance(Duration::from_millis(500));
    let reply = ask(service.clone(), of("a")).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        (reply.header("retry-after"), reply.header("ratelimit")),
        (Some("30"), Some("\"minute\";r=0;t=60"))
    );
    assert_eq!(reply.header("ratelimit-policy"), Some("\"minute\";q=2;w=60"));
    assert_eq!(reply.header("x-ratelimit-limit"), None);
    assert_eq!(reply.refused, Some(Refused { layer: "rate_limit", reason: "over_quota" }));
    let verdict = reply.limited.unwrap().verdict().copied();
    assert_eq!(verdict, reply.verdict);
    assert_eq!(verdict.unwrap().retry_after(), Some(Duration::from_millis(29_500)));
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.body).unwrap(),
        json!({"type": "about:blank", "title": "Too Many Requests", "status": 429,
               "detail": "Too many requests; see Retry-After.", "instance": "/v1/thing"})
    );
    assert_eq!(ask(service.clone(), of("b")).await.status, StatusCode::OK, "somebody else");
    clock.advance(Duration::from_millis(29_500));
    assert_eq!(ask(service, of("a")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn clients_are_told_in_the_fields_that_they_know() {
    let (layer, _clock) = two();
    let legacy = layer.clone().fields(Fields::StandardAndLegacy).layer(service_fn(inner));
    let reply = ask(legacy, of("a")).await;
    let told =
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| reply.header(name));
    assert_eq!(told, [Some("2"), Some("1"), Some("30")]);
    assert!(reply.header("ratelimit").is_some());
    let silent = layer.fields(Fields::None).layer(service_fn(inner));
    assert!(ask(silent.clone(), of("a")).await.headers.is_empty());
    let refused = ask(silent, of("a")).await;
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), (Some("30"), None));
}

#[tokio::test]
async fn two_limits_tell_of_both_and_the_stricter_is_found() {
    let (inside, _) = two();
    let everybody = |_: &RequestHead<'_>| Some(Key::new());
    let (outside, _) = stopped([Quota::per_hour(100).named("all")]);
    let told = |layer: RateLimitLayer| layer.fields(Fields::StandardAndLegacy).keep_verdict();
    let outside = told(RateLimitLayer::new(outside, everybody));
    let service = outside.layer(told(inside).layer(service_fn(inner)).map_response(
        |response: Response<EarlyBody<_>>| response.map(|_| http_body_util::Full::<Bytes>::default()),
    ));
    let reply = ask(service, of("a")).await;
    let lines: Vec<_> = reply.headers.get_all("ratelimit").iter().collect();
    assert_eq!(lines, ["\"minute\";r=1;t=30", "\"all\";r=99;t=36"]);
    assert_eq!(reply.headers.get_all("ratelimit-policy").iter().count(), 2);
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("1"));
    assert_eq!(reply.verdict.unwrap().standing().unwrap().remaining, 1);
}

#[tokio::test]
async fn a_verdict_is_kept_of_a_refusal_and_otherwise_where_it_is_wanted() {
    let (layer, _clock) = two();
    let (plain, keeping) =
        (layer.clone().layer(service_fn(inner)), layer.keep_verdict().layer(service_fn(inner)));
    assert_eq!(ask(plain.clone(), of("a")).await.verdict, None);
    let kept = ask(keeping, of("a")).await.verdict.unwrap();
    assert!(kept.is_admitted() && kept.standing().unwrap().remaining == 0);
    let refused = ask(plain, of("a")).await;
    assert_eq!(refused.verdict, refused.limited.unwrap().verdict().copied());
    assert!(!refused.verdict.unwrap().is_admitted());
}

#[tokio::test]
async fn requests_without_a_key_are_never_unlimited_by_accident() {
    let nobody = || Request::get("/").body(()).unwrap();
    let (layer, _clock) = two();
    let share = layer.clone().layer(service_fn(inner));
    let statuses = [200, 200, 429];
    for status in statuses {
        assert_eq!(ask(share.clone(), nobody()).await.status, status);
    }
    assert_eq!(ask(share, of("")).await.status, StatusCode::OK, "an empty name is a name");
    let refuse = layer.clone().without_key(WithoutKey::Refuse).layer(service_fn(inner));
    let reply = ask(refuse, nobody()).await;
    assert_eq!((reply.status.as_u16(), reply.refused.unwrap().reason), (400, "no_key"));
    assert!(reply.header("retry-after").is_none() && reply.limited.unwrap().verdict().is_none());
    let admit = layer.without_key(WithoutKey::Admit).layer(service_fn(inner));
    let reply = ask(admit, nobody()).await;
    assert!(reply.status.is_success() && reply.headers.is_empty());
}

#[tokio::test]
async fn a_request_may_cost_more_or_nothing() {
    let (limiter, _clock) = stopped([Quota::per_minute(5)]);
    let cost = |request: &RequestHead<'_>| request.uri.query().map_or(0, |query| query.parse().unwrap());
    let service = RateLimitLayer::new(limiter, who).cost(cost).layer(service_fn(inner));
    let costing = |cost: u32| Request::get(format!("/?{cost}")).header("x-who", "a").body(()).unwrap();
    let expected = [(3, 200, "2"), (3, 429, "2"), (0, 200, "2"), (2, 200, "0"), (0, 200, "0"), (6, 429, "0")];
    for (cost, status, remaining) in expected {
        let reply = ask(service.clone(), costing(cost)).await;
        assert_eq!(reply.status, status, "{cost}");
        assert!(reply.header("ratelimit").unwrap().contains(&format!("r={remaining};")), "{cost}: {reply:?}");
    }
    let reply = ask(service, costing(6)).await;
    assert_eq!((reply.refused.unwrap().reason, reply.header("retry-after")), ("too_costly", None));
}

#[tokio::test]
async fn what_failed_is_given_back_where_the_policy_says_so() {
    let (layer, _clock) = two();
    let failed =
        |response: Option<&response::Parts>| response.is_none_or(|head| head.status.is_server_error());
    let service = layer.refund_if(failed).layer(service_fn(inner));
    let failing = || {
        let mut request = of("a");
        request.headers_mut().insert("x-status", "503".parse().unwrap());
        request
    };
    for _ in 0..10 {
        assert_eq!(ask(service.clone(), failing()).await.status, 503);
    }
    assert_eq!(ask(service.clone(), of("a")).await.status, 200);
    assert_eq!(ask(service.clone(), of("a")).await.status, 200);
    assert_eq!(ask(service, failing()).await.status, 429);
}

#[tokio::test]
async fn a_failure_of_the_inner_service_is_an_outcome_too() {
    let (limiter, _clock) = stopped([Quota::per_minute(1)]);
    let calls = Arc::new(AtomicUsize::new(0));
    let failing = service_fn(async |_: Request<()>| {
        calls.fetch_add(1, Ordering::Relaxed);
        Err::<Answer, _>("broken")
    });
    let service = RateLimitLayer::new(limiter, who).refund_if(|response| response.is_none()).layer(failing);
    for _ in 0..3 {
        assert_eq!(service.clone().oneshot(of("a")).await.err(), Some("broken"));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn in_a_shadow_nobody_waits_for_his_turn() {
    let (limiter, _clock) = stopped([Quota::per_minute(1)]);
    let layer = RateLimitLayer::new(limiter, who).wait_up_to(Duration::from_secs(3600)).shadow();
    let service = layer.layer(service_fn(inner));
    for _ in 0..3 {
        let answer = service.clone().oneshot(of("a")).now_or_never();
        assert_eq!(answer.expect("it passes at once").unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_shadow_lets_everything_pass_and_says_what_it_would_have_refused() {
    let (layer, _clock) = two();
    let service = layer.without_key(WithoutKey::Refuse).shadow().layer(service_fn(inner));
    for _ in 0..2 {
        assert_eq!(ask(service.clone(), of("a")).await.would_refuse, None);
    }
    let over = ask(service.clone(), of("a")).await;
    assert_eq!((over.status.as_u16(), over.refused, over.header("retry-after")), (200, None, None));
    assert_eq!(over.would_refuse, Some(WouldRefuse(Refused { layer: "rate_limit", reason: "over_quota" })));
    assert_eq!(over.header("ratelimit"), Some("\"minute\";r=0;t=60"));
    let keyless = ask(service, Request::get("/").body(()).unwrap()).await;
    assert_eq!(keyless.would_refuse.unwrap().0.reason, "no_key");
}

#[tokio::test]
async fn what_is_exempt_is_neither_counted_nor_told() {
    let (layer, _clock) = two();
    let service = layer.exempt_if(|request| request.uri.path() == "/livez").layer(service_fn(inner));
    let health = || Request::get("/livez").header("x-who", "a").body(()).unwrap();
    for _ in 0..10 {
        assert!(ask(service.clone(), health()).await.headers.is_empty());
    }
    assert!(ask(service, of("a")).await.header("ratelimit").unwrap().contains("r=1;"));
}

#[tokio::test]
async fn without_room_for_a_key_the_answer_is_that_of_a_server_at_its_limit() {
    let options = MemoryLimiterOptions::new().max_keys(1).when_full(WhenFull::Refuse);
    let limiter = options.build([Quota::per_day(5)]).unwrap();
    let service = RateLimitLayer::new(limiter.clone(), who).layer(service_fn(inner));
    assert_eq!(ask(service.clone(), of("a")).await.status, 200);
    let reply = ask(service, of("b")).await;
    assert_eq!((reply.status.as_u16(), reply.refused.unwrap().reason), (503, "no_room"));
    assert_eq!((reply.header("retry-after"), reply.header("ratelimit")), (Some("5"), None));
    assert_eq!((limiter.status().keys, limiter.status().without_room), (1, 1));
}

#[tokio::test]
async fn the_refusal_is_yours_to_word() {
    let (layer, _clock) = two();
    let own = |limited: &RateLimited, request: &request::Parts| {
        Response::builder().status(limited.status()).body(Bytes::from(request.uri.path().to_owned())).unwrap()
    };
    let service = layer.cost(|_| 3).reject_with(own).layer(service_fn(inner));
    let reply = ask(service, of("a")).await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (429, &b"/v1/thing"[..]));
    assert_eq!(reply.header("ratelimit"), Some("\"minute\";r=2;t=0"), "the fields are there nevertheless");
}

#[test]
fn a_limiter_serves_without_http_too() {
    let (limiter, clock) = stopped([Quota::per_second(1)]);
    let job = Key::from("nightly report");
    assert!(limiter.check(&job).is_admitted());
    assert_eq!(limiter.check(&job).outcome(), Outcome::Refused { retry_after: Duration::from_secs(1) });
    clock.advance(Duration::from_secs(1));
    assert!(limiter.inspect(&job).standing().is_some_and(|standing| standing.remaining == 1));
    assert!(async { limiter.check(&job) }.now_or_never().unwrap().is_admitted());
}
