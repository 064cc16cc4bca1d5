//! What a route has of its own: how often somebody may ask, how often its service is asked again, and when it is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use crate::proxy::{free, over};
use crate::support::origin::Origin;

const ADMIN: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");

/// Fails below `/bad`; how often it was asked.
async fn shaky() -> (Origin, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    let origin = Origin::start(move |request: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        let status = if request.uri().path().starts_with("/bad") { 500 } else { 200 };
        async move { Response::builder().status(status).body(Body::empty()).expect("a response") }
    })
    .await;
    (origin, asked)
}

#[tokio::test]
async fn a_route_has_a_circuit_of_its_own_and_leaves_the_others_alone() {
    let (origin, _) = shaky().await;
    let routes = r#"[{prefix = "/shaky", service = "regtech", name = "shaky",
        resilience = {attempts = 1, open_after_failures = 2, open_seconds = 600}}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", routes), ADMIN]).await;
    let client = free(&gateway);
    for _ in 0..2 {
        assert_eq!(client.get("/shaky/bad").await.status, 500);
    }
    let answer = client.get("/shaky/good").await;
    answer.problem(503);
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    assert_eq!(client.get("/api/v1/regtech/good").await.status, 200);
    let circuits = gateway.admin().get("/admin/v1/circuits").await.ok();
    let states: Vec<_> = circuits["circuits"].as_array().expect("a list").iter().collect();
    let state =
        |name: &str| states.iter().find(|circuit| circuit["service"] == name).map(|found| &found["state"]);
    assert_eq!(
        (state("shaky").expect("it is shown"), state("regtech").expect("it is shown")),
        (&"open".into(), &"closed".into())
    );
    let reset = gateway.admin().request(http::Method::POST, "/admin/v1/circuits/shaky");
    gateway.admin().send(reset.json(&serde_json::json!({"command": "reset"}))).await.ok();
    assert_eq!(client.get("/shaky/good").await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_route_has_its_service_asked_as_often_as_it_says() {
    let (origin, asked) = shaky().await;
    let routes = r#"[{prefix = "/again", service = "regtech", name = "again", resilience = {attempts = 3, open_after_failures = 1000}}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", routes)]).await;
    let calls = async |path: &str| {
        let before = asked.load(Ordering::Relaxed);
        assert_eq!(free(&gateway).get(path).await.status, 500);
        asked.load(Ordering::Relaxed) - before
    };
    let (again, once) = (calls("/again/bad").await, calls("/api/v1/regtech/bad").await);
    // The gateway asks for figures by itself, at most once in a while.
    assert!((3..=4).contains(&again) && (1..=2).contains(&once), "{again} {once}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_route_may_be_asked_as_often_as_it_says() {
    let (origin, _) = shaky().await;
    let routes = r#"[{prefix = "/few", service = "regtech", name = "few",
        rate_limit = {by = "principal", quotas = [{limit = 2, period_seconds = 3600}]}},
        {prefix = "/many", service = "regtech"}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", routes), ("RATE_LIMITS__DISABLED", "false")]).await;
    let client = free(&gateway);
    for path in ["/few/a", "/few/b"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.header("ratelimit").contains("few"), "{answer:?}");
    }
    let answer = client.get("/few/a").await;
    answer.problem(429);
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    for path in ["/many/a", "/api/v1/regtech/a"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    gateway.stop().await;
}
