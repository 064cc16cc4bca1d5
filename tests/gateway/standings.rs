//! `GET /api/v1/services`: how the services stand, for whoever may see figures.

use http::StatusCode;
use integridai_gateway::demo::Failure;
use serde_json::{Value, json};

use crate::support::client::{CONSOLIDATED, Client};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::until;

const SERVICES: &str = "/api/v1/services";

async fn regtech(client: &Client) -> Value {
    let all = client.get(SERVICES).await.ok();
    let services = all["services"].as_array().expect("a list").clone();
    assert!(services.len() >= 3, "{all}");
    services.into_iter().find(|one| one["service"] == "regtech").expect("it is there")
}

#[tokio::test]
async fn each_service_tells_its_status_its_circuit_and_its_calls() {
    let gateway = Gateway::with(&[("SERVICES__REGTECH__RESILIENCE__OPEN_AFTER_FAILURES", "2")]).await;
    gateway.client.get(CONSOLIDATED).await.ok();
    let well = regtech(&gateway.client).await;
    assert_eq!(well["status"], "online", "{well}");
    let expected = json!({"state": "closed", "since": null, "consecutive_failures": 0, "refused": 0});
    assert_eq!(well["circuit"], expected, "{well}");
    assert_eq!((&well["calls"]["in_flight"], &well["replicas"]), (&json!(0), &json!(null)), "{well}");

    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    let open = until("an open circuit", async || {
        gateway.client.execute(&analysis()).await;
        let standing = regtech(&gateway.client).await;
        (standing["circuit"]["state"] == "open").then_some(standing)
    })
    .await;
    assert!(open["circuit"]["since"].is_string(), "{open}");
    gateway.stop().await;
}

#[tokio::test]
async fn replicas_are_counted_and_their_addresses_are_nobodys_business() {
    let addresses = r#"["127.0.0.1:1", "127.0.0.1:2"]"#;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__RESILIENCE__ADDRESSES", addresses)]).await;
    let standing = regtech(&gateway.client).await;
    assert_eq!(standing["replicas"], json!({"available": 2, "total": 2}), "{standing}");
    assert!(!standing.to_string().contains("127.0.0.1"), "{standing}");
    gateway.stop().await;
}

#[tokio::test]
async fn it_is_for_whoever_may_see_figures() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    client.get(SERVICES).await.problem(401);
    for (scope, status) in [("events:read", 403), ("metrics:read", 200), ("admin", 200)] {
        let request = client.request(http::Method::GET, SERVICES).bearer_auth(token(scope));
        assert_eq!(client.send(request).await.status, status, "{scope}");
    }
    guarded.gateway.stop().await;
}
