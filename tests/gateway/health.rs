//! `/api/v1/health`, `/livez`, `/readyz`

use integridai_gateway::demo::{Failure, Simulators};
use serde_json::{Value, json};

use crate::support::client::{CONSOLIDATED, HEALTH};
use crate::support::gateway::Gateway;
use crate::support::requests::COMPLIANCE;
use crate::support::{until, within};

const UNCACHED: (&str, &str) = ("METRICS__CACHE_SECONDS", "0.001");

/// Asks until the check has this outcome.
async fn until_check(gateway: &Gateway, check: &str, outcome: &str) -> Value {
    until(&format!("{check} {outcome}"), async || {
        let health = gateway.client.get(HEALTH).await.ok();
        (health["checks"][check] == outcome).then_some(health)
    })
    .await
}

#[tokio::test]
async fn all_is_well_in_the_published_shape() {
    let gateway = Gateway::start().await;
    let answer = gateway.client.get(HEALTH).await;
    let mut health = answer.ok();
    assert!(health["timestamp"].take().as_str().is_some_and(|text| text.ends_with('Z')));
    let expected = json!({
        "status": "healthy",
        "timestamp": null,
        "checks": {
            "api_gateway": "healthy",
            "database": "healthy",
            "redis": "not_configured",
            "external_services": "healthy",
            "auth": "not_configured",
        },
        "version": "0.1.0",
    });
    assert_eq!(health, expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_is_down_degrades_and_all_of_them_down_are_unhealthy() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    within(gateway.regtech().stop()).await;
    let health = until_check(&gateway, "external_services", "degraded").await;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["reasons"], json!({"external_services": "regtech cannot be connected to"}));
    within(gateway.services().stop()).await;
    let health = until_check(&gateway, "external_services", "unhealthy").await;
    assert_eq!(health["status"], "degraded");
    let reason = "flaisimulator cannot be connected to; regtech cannot be connected to; \
                  dashboard cannot be connected to";
    assert_eq!(health["reasons"]["external_services"], reason);
    for service in gateway.services().all() {
        service.restart().await.expect("its port was kept");
    }
    assert_eq!(until_check(&gateway, "external_services", "healthy").await["status"], "healthy");
    gateway.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_degrades_until_it_can() {
    let gateway = Gateway::start().await;
    until_check(&gateway, "database", "healthy").await;
    let held = gateway.hold_database();
    let health = until_check(&gateway, "database", "unhealthy").await;
    assert_eq!(
        (&health["status"], &health["checks"]["external_services"]),
        (&json!("degraded"), &json!("healthy"))
    );
    assert_eq!(health["reasons"], json!({"database": "the database is held by another program"}));
    assert_eq!(gateway.client.get("/readyz").await.status, 200, "requests can still be served");
    drop(held);
    assert_eq!(until_check(&gateway, "database", "healthy").await["status"], "healthy");
    gateway.stop().await;
}

#[tokio::test]
async fn health_does_not_wait_for_a_service_that_hangs() {
    let gateway = Gateway::with(&[UNCACHED, ("METRICS__TIMEOUT_SECONDS", "600")]).await;
    gateway.client.get(CONSOLIDATED).await.ok();
    gateway.regtech().control().fail(Failure::hang().on(COMPLIANCE));
    until("a round that hangs", async || {
        gateway.client.get(HEALTH).await.ok();
        (gateway.regtech().control().report().in_flight == 1).then_some(())
    })
    .await;
    assert_eq!(gateway.client.get(HEALTH).await.ok()["checks"]["external_services"], "healthy");
    assert_eq!(gateway.regtech().control().report().in_flight, 1, "it still hangs");
    gateway.stop().await;
}

#[tokio::test]
async fn it_lives_and_is_ready_whatever_the_services_do() {
    let down = |services: &Simulators| {
        for service in services.all() {
            service.control().fail(Failure::hang());
        }
    };
    let gateway = Gateway::over(&[("METRICS__TIMEOUT_SECONDS", "600")], down).await;
    for path in ["/livez", "/readyz"] {
        let answer = gateway.client.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{path}");
    }
    gateway.stop().await;
}
