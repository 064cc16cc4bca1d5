//! What the gateway does about services that fail: it tries again where that is harmless, leaves alone what keeps failing,
//! spreads calls over replicas, and lets operators see and say so.

use http::{Method, StatusCode};
use integridai_gateway::demo::Failure;
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED, Client};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis, with_options};
use crate::support::stub::Stub;
use crate::support::until;

const CIRCUITS: &str = "/admin/v1/circuits";
const ON: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");
const THREE: (&str, &str) = ("SERVICES__REGTECH__RESILIENCE__ATTEMPTS", "3");
const FIVE: (&str, &str) = ("SERVICES__REGTECH__RESILIENCE__OPEN_AFTER_FAILURES", "5");

async fn command(admin: &Client, service: &str, body: &Value) -> Answer {
    let path = format!("{CIRCUITS}/{service}");
    admin.send(admin.request(Method::POST, &path).json(body)).await
}

async fn state(admin: &Client) -> Value {
    let all = admin.get(CIRCUITS).await.ok();
    let regtech = all["circuits"].as_array().expect("a list").iter().find(|one| one["service"] == "regtech");
    regtech.expect("it is there")["state"].clone()
}

fn calls(gateway: &Gateway) -> u64 {
    gateway.regtech().control().report().total(ANALYZE)
}

#[tokio::test]
async fn a_failure_that_passes_is_not_told_to_anybody() {
    let gateway = Gateway::with(&[THREE]).await;
    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).times(2).on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await.ok();
    assert_eq!((&answer["success"], calls(&gateway)), (&json!(true), 3), "{answer}");
    let keys = gateway.regtech().control().keys();
    assert_eq!(keys.len(), 1, "all attempts are the same to the service: {keys:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_call_is_tried_no_more_often_than_is_configured() {
    let gateway = Gateway::with(&[THREE]).await;
    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    gateway.client.execute(&analysis()).await.failure(502, Some("complete_analysis"));
    assert_eq!(calls(&gateway), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_left_alone_until_it_is_back() {
    let open = ("SERVICES__REGTECH__RESILIENCE__OPEN_SECONDS", "1");
    let gateway = Gateway::with(&[ON, FIVE, open]).await;
    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    let refused = until("five failures in a row", async || {
        let answer = gateway.client.execute(&analysis()).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    refused.failure(503, Some("complete_analysis"));
    assert_eq!(refused.header("retry-after"), "1");
    assert!(calls(&gateway) >= 5);
    gateway.regtech().control().heal();
    until("enough calls have found it well", async || {
        gateway.client.execute(&analysis()).await;
        (state(gateway.admin()).await == "closed").then_some(())
    })
    .await;
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn an_open_circuit_is_part_of_degraded() {
    let fresh = ("METRICS__CACHE_SECONDS", "0.05");
    let stale = ("CACHE__ROUTES__CONSOLIDATED__STALE_WHILE_REVALIDATE_SECONDS", "0");
    let gateway = Gateway::with(&[ON, fresh, stale]).await;
    gateway.client.get(CONSOLIDATED).await.ok();
    command(gateway.admin(), "regtech", &json!({"command": "open"})).await.ok();
    let status = |answer: &Value| answer["system_health"]["regtech_status"].clone();
    until("it is degraded", async || {
        (status(&gateway.client.get(CONSOLIDATED).await.ok()) == "degraded").then_some(())
    })
    .await;
    let health = gateway.client.get("/api/v1/health").await.ok();
    assert_eq!(health["status"], "degraded");
    assert!(
        health["reasons"]["external_services"].as_str().unwrap().contains("regtech is left alone"),
        "{health}"
    );
    command(gateway.admin(), "regtech", &json!({"command": "reset"})).await.ok();
    until("it is well", async || {
        (status(&gateway.client.get(CONSOLIDATED).await.ok()) == "online").then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn operators_see_and_command_circuits() {
    let gateway = Gateway::with(&[ON]).await;
    let admin = gateway.admin();
    let all = admin.get(CIRCUITS).await.ok();
    let states: Vec<_> =
        all["circuits"].as_array().unwrap().iter().map(|one| (&one["service"], &one["state"])).collect();
    let closed = json!("closed");
    assert_eq!(
        states,
        [(&json!("regtech"), &closed), (&json!("flaisimulator"), &closed), (&json!("dashboard"), &closed)]
    );

    let opened = command(admin, "regtech", &json!({"command": "open"})).await.ok();
    assert_eq!(
        (&opened["state"], &opened["history"][0]["to"]),
        (&json!("forced_open"), &json!("forced_open"))
    );
    gateway.client.execute(&analysis()).await.failure(503, Some("complete_analysis"));
    assert_eq!(calls(&gateway), 0);
    let health = gateway.client.get("/api/v1/health").await.ok();
    assert_eq!(
        (&health["status"], &health["checks"]["external_services"]),
        (&json!("degraded"), &json!("degraded"))
    );
    assert_eq!(health["reasons"]["external_services"], "regtech is left alone for a while", "{health}");
    assert_eq!(command(admin, "regtech", &json!({"command": "reset"})).await.ok()["state"], "closed");
    gateway.client.execute(&analysis()).await.ok();

    command(admin, "nobody", &json!({"command": "open"})).await.problem(404);
    command(admin, "regtech", &json!({"command": "ajar"})).await.problem(422);
    let metrics = gateway.client.get("/metrics").await;
    assert!(metrics.text().contains(r#"integridai_circuit_open{service="regtech"} 0"#), "{}", metrics.text());
    gateway.stop().await;
}

#[tokio::test]
async fn calls_go_to_whichever_replica_is_there() {
    let other = Gateway::start().await;
    let there = other.regtech().url().replace("http://", "");
    let gateway = {
        let nowhere = "127.0.0.1:1";
        let addresses = format!("[\"{nowhere}\", \"{there}\"]");
        Gateway::with(&[THREE, ("SERVICES__REGTECH__RESILIENCE__ADDRESSES", &addresses)]).await
    };
    for _ in 0..8 {
        gateway.client.execute(&analysis()).await.ok();
    }
    assert_eq!((calls(&gateway), calls(&other)), (0, 8));
    gateway.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn services_are_told_how_long_they_have() {
    let regtech = Stub::start(200, "{}").await;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
    gateway.client.execute(&with_options(analysis(), json!({"timeout": 7}))).await;
    let left = &regtech.only(ANALYZE).headers["x-request-deadline"];
    let left: u64 = left.to_str().expect("text").parse().expect("milliseconds");
    assert!((5000..=7000).contains(&left), "{left}");
    gateway.stop().await;
}
