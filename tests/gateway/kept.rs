//! Consolidated metrics that are kept: for whom, for how long, and what the answers say of it.

use http::Method;
use integridai_gateway::demo::Failure;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::{Gateway, Settings};
use crate::support::requests::{COMPLIANCE, analysis};
use crate::support::{until, within};

pub(crate) const HIT: &str = "integridai; hit; ttl=";
pub(crate) const MISS: &str = "integridai; fwd=uri-miss; fwd-status=200; stored";

/// Stale after a second, and given on for ten minutes.
const SOON_STALE: Settings<'_> = &[
    ("METRICS__CACHE_SECONDS", "1"),
    ("METRICS__TIMEOUT_SECONDS", "600"),
    ("CACHE__ROUTES__CONSOLIDATED__STALE_WHILE_REVALIDATE_SECONDS", "600"),
];

pub(crate) fn status(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("cache-status")
}

async fn ask(gateway: &Gateway, fields: &[(&str, &str)]) -> Answer {
    let request = gateway.client.request(Method::GET, CONSOLIDATED);
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    gateway.client.send(request).await
}

fn age(answer: &Answer) -> u64 {
    answer.header("age").parse().expect("seconds")
}

#[tokio::test]
async fn nothing_that_a_client_says_keeps_it_from_what_is_kept() {
    let gateway = Gateway::start().await;
    let first = ask(&gateway, &[]).await;
    assert!(status(&first).starts_with(MISS), "{first:?}");
    for fields in [
        &[][..],
        &[("host", "localhost")],
        &[("host", "a.localhost:1")],
        &[("cache-control", "no-cache")],
        &[("pragma", "no-cache")],
        &[("cookie", "a=b")],
        &[("x-forwarded-host", "evil.example")],
        &[("integridai-cache-control", "no-store"), ("cache-tag", "x")],
    ] {
        let again = ask(&gateway, fields).await;
        assert!(status(&again).starts_with(HIT), "{fields:?}: {again:?}");
        assert_eq!(again.body, first.body);
        let told = [again.header("cache-control"), again.header("content-type"), again.header("etag")];
        let before = [first.header("cache-control"), first.header("content-type"), first.header("etag")];
        assert_eq!(told, before);
    }
    let again = gateway.client.get(&format!("{CONSOLIDATED}?another=one")).await;
    assert!(status(&again).starts_with(HIT), "{again:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_for_the_gateways_cache_alone_is_told_to_nobody() {
    let gateway = Gateway::start().await;
    for _ in 0..2 {
        let answer = ask(&gateway, &[]).await;
        assert_eq!(answer.header("cache-control"), "private, max-age=30");
        for own in ["integridai-cache-control", "cdn-cache-control", "cache-tag", "surrogate-key"] {
            assert!(!answer.headers.contains_key(own), "{own}: {answer:?}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_has_the_figures_is_told_so_and_one_that_wants_a_part_gets_it() {
    let gateway = Gateway::start().await;
    let first = ask(&gateway, &[]).await;
    let known = ask(&gateway, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, first.header("etag")));
    let other = ask(&gateway, &[("if-none-match", "W/\"another\"")]).await;
    assert_eq!((other.status, &other.body), (200, &first.body));
    let part = ask(&gateway, &[("range", "bytes=0-9")]).await;
    assert_eq!((part.status, &part.body[..]), (206, &first.body[..10]));
    ask(&gateway, &[("range", "bytes=999999-")]).await.problem(416);
    let head = gateway.client.send(gateway.client.request(Method::HEAD, CONSOLIDATED)).await;
    assert_eq!((status(&head).starts_with(HIT), head.body.len()), (true, 0), "{head:?}");
    let small = ask(&gateway, &[("accept-encoding", "gzip")]).await;
    assert_eq!((small.header("content-encoding"), status(&small).starts_with(HIT)), ("gzip", true));
    gateway.stop().await;
}

#[tokio::test]
async fn old_figures_are_given_and_say_so_while_new_ones_are_gathered() {
    let gateway = Gateway::with(SOON_STALE).await;
    let first = ask(&gateway, &[]).await;
    gateway.regtech().control().fail(Failure::hang().on(COMPLIANCE));
    let stale = until("figures that are older than they should be", async || {
        let answer = ask(&gateway, &[]).await;
        (age(&answer) >= 2).then_some(answer)
    })
    .await;
    assert!(status(&stale).starts_with("integridai; hit; ttl=-"), "{stale:?}");
    assert_eq!(stale.body, first.body, "nobody waits for a service that does not answer");
    assert_eq!(gateway.regtech().control().report().in_flight, 1, "one round is under way");
    within(gateway.regtech().stop()).await;
    let marked = until("figures of the round that ended", async || {
        let answer = ask(&gateway, &[]).await;
        (answer.body != first.body).then_some(answer)
    })
    .await;
    let metrics: Value = marked.ok();
    assert_eq!(metrics["stale"][0]["service"], "regtech", "{metrics}");
    assert_eq!(metrics["business_metrics"], first.json()["business_metrics"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_round_that_somebody_wants_at_once_replaces_what_is_kept() {
    // Nothing else would.
    let hours = [("METRICS__CACHE_SECONDS", "7200"), ("REALTIME__METRICS_INTERVAL_SECONDS", "7200")];
    let gateway = Gateway::with(&hours).await;
    let first = ask(&gateway, &[]).await;
    gateway.client.execute(&analysis()).await.ok();
    assert_eq!(ask(&gateway, &[]).await.body, first.body);
    gateway.client.execute(&json!({"workflow": "metrics_update", "payload": {}})).await.ok();
    let providers = |answer: &Answer| answer.json()["business_metrics"]["providers_analyzed"].as_u64();
    until("the count of one provider more", async || {
        let answer = ask(&gateway, &[]).await;
        (providers(&answer) == providers(&first).map(|count| count + 1)).then_some(())
    })
    .await;
    let hit = until("a hit", async || {
        let answer = ask(&gateway, &[]).await;
        status(&answer).starts_with(HIT).then_some(answer)
    })
    .await;
    assert_eq!(providers(&hit), providers(&first).map(|count| count + 1));
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_kept_is_given_to_nobody_without_the_scope() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let figures = |credentials: Option<String>| {
        let request = client.request(Method::GET, CONSOLIDATED);
        client.send(credentials.iter().fold(request, RequestBuilder::bearer_auth))
    };
    let first = figures(Some(token("metrics:read"))).await;
    assert!(status(&first).starts_with(MISS), "{first:?}");
    assert!(status(&figures(Some(token("metrics:read"))).await).starts_with(HIT));
    let forms = [None, Some("x".to_owned()), Some(token("")), Some(token("events:read workflows:execute"))];
    for (credentials, expected) in forms.into_iter().zip([401, 401, 403, 403]) {
        let mut refused = figures(credentials.clone()).await;
        refused.problem(expected);
        assert!(!refused.text().contains("business_metrics"), "{refused:?}");
        for told in ["age", "etag", "cache-status"] {
            assert!(!refused.headers.contains_key(told), "{told}: {refused:?}");
        }
        let etag = first.header("etag");
        for (name, value) in [("if-none-match", etag), ("range", "bytes=0-0"), ("if-none-match", "*")] {
            let request = client.request(Method::GET, CONSOLIDATED).header(name, value);
            let request = credentials.iter().fold(request, RequestBuilder::bearer_auth);
            refused = client.send(request).await;
            refused.problem(expected);
        }
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_cache_that_is_disabled_is_not_there() {
    let gateway = Gateway::with(&[("CACHE__DISABLED", "true")]).await;
    for _ in 0..2 {
        let answer = ask(&gateway, &[]).await;
        assert_eq!((answer.status, answer.headers.contains_key("cache-status")), (200, false), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "private, max-age=30");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_the_cache_does_and_holds_is_told_to_prometheus() {
    let gateway = Gateway::start().await;
    for _ in 0..2 {
        ask(&gateway, &[]).await;
    }
    let told = [
        r#"http_server_cache_requests_total{outcome="stored",http_route="/api/v1/metrics/consolidated"} "#,
        r#"http_server_cache_requests_total{outcome="hit",http_route="/api/v1/metrics/consolidated"} "#,
        r#"http_server_cache_served_bytes_total{outcome="hit",http_route="/api/v1/metrics/consolidated"} "#,
        "integridai_cache_urls ",
        "integridai_cache_bytes ",
    ];
    let is_told = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.is_some_and(|count| count.parse::<f64>().is_ok_and(|count| count > 0.0))
    };
    until("the figures of the cache", async || {
        let answer = gateway.client.get("/metrics").await;
        told.iter().all(|name| is_told(answer.text(), name)).then_some(())
    })
    .await;
    gateway.stop().await;
}
