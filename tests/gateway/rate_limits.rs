//! How often somebody may ask.

use std::net::Ipv4Addr;

use http::Method;
use serde_json::json;

use crate::support::client::{Answer, CONSOLIDATED, Client, EXECUTE, HEALTH};
use crate::support::credentials::{Guarded, claims, signed, token};
use crate::support::document::operations;
use crate::support::gateway::{Gateway, Settings};
use crate::support::until;

const ON: (&str, &str) = ("RATE_LIMITS__DISABLED", "false");

const DAY: &str = "period_seconds = 86400";

/// Two a day by address on consolidated metrics.
fn two_a_day() -> String {
    format!(
        r#"{{ metrics = {{ by = "address", routes = ["{CONSOLIDATED}"], quotas = [{{ limit = 2, {DAY} }}] }} }}"#
    )
}

async fn limited(policies: &str, others: Settings<'_>) -> Gateway {
    Gateway::with(&[&[ON, ("RATE_LIMITS__POLICIES", policies)], others].concat()).await
}

async fn guarded(policies: &str) -> Guarded {
    let issuer = r#"{test = {issuer = "https://id.test", audience = ["integridai-gateway"],
        secret = "0123456789abcdef0123456789abcdef", roles_claim = "roles", tenant_claim = "tenant"}}"#;
    let issuer = issuer.replace('\n', " ");
    Guarded::with(&[ON, ("RATE_LIMITS__POLICIES", policies), ("AUTH__ISSUERS", &issuer)]).await
}

async fn figures_forwarded_for(gateway: &Gateway, addresses: &str) -> Answer {
    let client = &gateway.client;
    client.send(client.request(Method::GET, CONSOLIDATED).header("x-forwarded-for", addresses)).await
}

async fn figures_of(guarded: &Guarded, subject: &str, claim: &str, value: serde_json::Value) -> Answer {
    let mut claims = claims("metrics:read");
    claims["sub"] = subject.into();
    claims[claim] = value;
    let client = &guarded.gateway.client;
    client.send(client.request(Method::GET, CONSOLIDATED).bearer_auth(signed(&claims))).await
}

#[tokio::test]
async fn an_address_may_execute_ten_times_a_minute_unless_told_otherwise() {
    let gateway = Gateway::with(&[ON]).await;
    for left in (0..10).rev() {
        let answer = gateway.client.execute_text("{").await;
        answer.failure(400, None);
        assert_eq!(answer.header("ratelimit-policy"), "\"execute\";q=10;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"execute\";r={left};t=")), "{answer:?}");
        assert!(!answer.headers.contains_key("x-ratelimit-limit"), "{answer:?}");
    }
    let refused = gateway.client.execute_text("{").await;
    refused.failure(429, None);
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=6).contains(&wait), "{refused:?}");
    assert!(refused.header("ratelimit").contains("r=0;"), "{refused:?}");
    assert_eq!(refused.header("cache-control"), "no-store");
    let figures = gateway.client.get(CONSOLIDATED).await;
    assert!(figures.status == 200 && figures.header("ratelimit").is_empty(), "{figures:?}");
    let other = Client::from_own(gateway.address(), Ipv4Addr::new(127, 0, 0, 2));
    other.execute_text("{").await.failure(400, None);
    gateway.stop().await;
}

#[tokio::test]
async fn what_a_client_says_of_its_address_counts_only_behind_a_trusted_proxy() {
    let gateway = limited(&two_a_day(), &[]).await;
    for (number, expected) in [(1, 200), (2, 200), (3, 429)] {
        let answer = figures_forwarded_for(&gateway, &format!("203.0.113.{number}")).await;
        assert_eq!(answer.status, expected, "{answer:?}");
    }
    gateway.stop().await;

    let proxied = limited(&two_a_day(), &[("RATE_LIMITS__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#)]).await;
    for (addresses, expected) in [
        ("203.0.113.1", 200),
        ("203.0.113.1", 200),
        ("203.0.113.2", 200),
        // The proxy has put the last one there, the client all before it.
        ("198.51.100.7, 203.0.113.1", 429),
        ("203.0.113.2, 127.0.0.9", 200),
    ] {
        assert_eq!(figures_forwarded_for(&proxied, addresses).await.status, expected, "{addresses}");
    }
    proxied.stop().await;
}

#[tokio::test]
async fn of_the_fields_of_proxies_only_the_configured_one_is_read() {
    let gateway = limited(
        &two_a_day(),
        &[("RATE_LIMITS__TRUSTED_PROXIES", r#"["127.0.0.1"]"#), ("RATE_LIMITS__FORWARDING", "forwarded")],
    )
    .await;
    let client = &gateway.client;
    for (client_address, expected) in [(1, 200), (1, 200), (1, 429), (2, 200)] {
        let request = client.request(Method::GET, CONSOLIDATED);
        let request = request.header("forwarded", format!("for=203.0.113.{client_address}"));
        let request = request.header("x-forwarded-for", "198.51.100.7");
        assert_eq!(client.send(request).await.status, expected, "{client_address}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_api_key_has_a_quota_and_who_comes_with_a_token_has_his_own() {
    let policy = format!(r#"{{ keys = {{ by = "api_key", quotas = [{{ limit = 2, {DAY} }}] }} }}"#);
    let guarded = guarded(&policy).await;
    let client = &guarded.gateway.client;
    for expected in [200, 200, 429] {
        let request = client.request(Method::GET, CONSOLIDATED).header("x-api-key", &guarded.api_key);
        assert_eq!(client.send(request).await.status, expected);
    }
    for (subject, expected) in [("ann", 200), ("ann", 200), ("ann", 429), ("bob", 200)] {
        assert_eq!(figures_of(&guarded, subject, "nothing", json!(1)).await.status, expected, "{subject}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn preflights_without_credentials_are_free_where_no_page_may_come_too() {
    let policy = format!(r#"{{ all = {{ by = "address", quotas = [{{ limit = 1, {DAY} }}] }} }}"#);
    let gateway = limited(&policy, &[]).await;
    for _ in 0..3 {
        let preflight = gateway.client.request(Method::OPTIONS, "/api/v1/nothing");
        assert_eq!(gateway.client.send(preflight).await.status, 404);
    }
    assert_eq!(gateway.client.get("/api/v1/nothing").await.status, 404);
    gateway.client.get("/api/v1/nothing").await.problem(429);
    gateway.stop().await;
}

#[tokio::test]
async fn principals_have_quotas_of_their_own_and_better_ones_with_a_role() {
    let guarded = guarded(
        &format!(
            r#"{{ callers = {{ by = "principal", quotas = [{{ limit = 1, {DAY} }}],
             tiers = {{ gold = [{{ limit = 3, {DAY} }}], basic = [{{ limit = 2, {DAY} }}] }} }} }}"#
        )
        .replace('\n', " "),
    )
    .await;
    for (subject, roles, allowed) in
        [("ann", json!([]), 1), ("bob", json!(["basic"]), 2), ("eve", json!(["basic", "gold"]), 3)]
    {
        for _ in 0..allowed {
            let answer = figures_of(&guarded, subject, "roles", roles.clone()).await;
            assert_eq!(answer.status, 200, "{subject}: {answer:?}");
        }
        let refused = figures_of(&guarded, subject, "roles", roles).await;
        refused.problem(429);
        assert!(refused.header("ratelimit-policy").contains(&format!("q={allowed};w=86400")), "{refused:?}");
    }
    assert_eq!(guarded.gateway.client.get(HEALTH).await.status, 200);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_tenant_shares_one_quota_and_whoever_has_none_has_his_own() {
    let policy = format!(r#"{{ firms = {{ by = "tenant", quotas = [{{ limit = 2, {DAY} }}] }} }}"#);
    let guarded = guarded(&policy).await;
    for (subject, tenant, expected) in
        [("ann", "acme", 200), ("bob", "acme", 200), ("eve", "acme", 429), ("eve", "other", 200)]
    {
        let answer = figures_of(&guarded, subject, "tenant", json!(tenant)).await;
        assert_eq!(answer.status, expected, "{subject} of {tenant}: {answer:?}");
    }
    for (subject, expected) in [("ann", 200), ("ann", 200), ("ann", 429), ("bob", 200)] {
        assert_eq!(figures_of(&guarded, subject, "nothing", json!(1)).await.status, expected, "{subject}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn several_quotas_hold_together_and_are_told_in_both_forms() {
    let policy = format!(
        r#"{{ metrics = {{ by = "address", routes = ["{CONSOLIDATED}"], methods = ["GET"],
             quotas = [{{ limit = 100, {DAY} }}, {{ limit = 60, period_seconds = 3600, burst = 2 }}] }} }}"#
    )
    .replace('\n', " ");
    let gateway = limited(&policy, &[("RATE_LIMITS__LEGACY_HEADERS", "true")]).await;
    let first = gateway.client.get(CONSOLIDATED).await;
    let policies = first.header("ratelimit-policy");
    assert!(policies.contains("\"metrics-86400s\"") && policies.contains("\"metrics-3600s\""), "{first:?}");
    assert_eq!(first.header("x-ratelimit-remaining"), "1", "{first:?}");
    let head = gateway.client.request(Method::HEAD, CONSOLIDATED);
    assert_eq!(gateway.client.send(head).await.status, 200);
    let refused = gateway.client.get(CONSOLIDATED).await;
    assert_eq!(refused.status, 429, "HEAD counts as GET: {refused:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn in_the_shadow_everything_passes_and_is_counted() {
    let gateway = limited(&two_a_day(), &[("RATE_LIMITS__SHADOW", "true")]).await;
    for _ in 0..5 {
        gateway.client.get(CONSOLIDATED).await.ok();
    }
    let text = gateway.client.get("/metrics").await.text().to_owned();
    let counted = |line: &str| {
        line.starts_with("http_server_shadow_refused_requests_total{") && line.contains("rate_limit")
    };
    assert!(text.lines().any(counted), "{text}");
    until("the gauge of the limiter", async || {
        let text = gateway.client.get("/metrics").await.text().to_owned();
        text.contains("integridai_rate_limit_keys{policy=\"metrics\"}").then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn guesses_of_credentials_count_wherever_they_are_made() {
    let policy = format!(r#"{{ all = {{ by = "address", quotas = [{{ limit = 3, {DAY} }}] }} }}"#);
    let guarded = guarded(&policy).await;
    let client = &guarded.gateway.client;
    let guess = async |method: Method, path: &str| {
        client.send(client.request(method, path).bearer_auth("guess")).await.status
    };
    assert_eq!(guess(Method::GET, CONSOLIDATED).await, 401);
    assert_eq!(guess(Method::OPTIONS, EXECUTE).await, 401);
    assert_eq!(guess(Method::GET, "/livez").await, 401);
    for path in [CONSOLIDATED, "/livez", HEALTH, "/nothing"] {
        assert_eq!(guess(Method::GET, path).await, 429, "{path}");
    }
    let good = client.request(Method::GET, CONSOLIDATED).bearer_auth(token("metrics:read"));
    client.send(good).await.problem(429);
    // Who presents nothing guesses nothing.
    for path in ["/livez", "/readyz", HEALTH] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn preflights_are_free_and_pages_may_read_the_limits() {
    let origin = "https://console.example.org";
    let gateway =
        limited(&two_a_day(), &[("CORS__ALLOWED_ORIGINS", r#"["https://console.example.org"]"#)]).await;
    for _ in 0..5 {
        let preflight = gateway.client.request(Method::OPTIONS, CONSOLIDATED).header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "GET");
        assert_eq!(gateway.client.send(preflight).await.status, 200);
    }
    let asked = gateway.client.request(Method::GET, CONSOLIDATED).header("origin", origin);
    let answer = gateway.client.send(asked).await;
    assert!(answer.header("ratelimit").contains("r=1;"), "{answer:?}");
    let exposed = answer.header("access-control-expose-headers");
    for field in ["ratelimit", "ratelimit-policy", "retry-after"] {
        assert!(exposed.split(',').any(|name| name == field), "{field}: {exposed}");
    }
    gateway.stop().await;
}

#[test]
fn the_document_names_the_refusal_and_its_fields() {
    for (path, method, operation) in operations() {
        let refusal = &operation["responses"]["429"];
        for field in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
            assert!(refusal["headers"][field].is_object(), "{method} {path}: {field}");
        }
    }
}
