//! Services that are slow, silent, wrong or down: their status, their last good figures, the alerts.

use std::time::Duration;

use http::StatusCode;
use integridai_gateway::demo::Failure;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::client::CONSOLIDATED;
use crate::support::gateway::Gateway;
use crate::support::requests::{COMPLIANCE, TRAINING};
use crate::support::subscriber::Subscriber;
use crate::support::{until, within};

const UNCACHED: (&str, &str) = ("METRICS__CACHE_SECONDS", "0.001");

/// Asks until the service has this status.
async fn status(gateway: &Gateway, service: &str, status: &str) -> Value {
    let member = format!("{service}_status");
    until(&format!("{service} {status}"), async || {
        let metrics = gateway.client.get(CONSOLIDATED).await.ok();
        (metrics["system_health"][&member] == status).then_some(metrics)
    })
    .await
}

fn stale(metrics: &Value) -> Vec<&str> {
    let stale = metrics["stale"].as_array().map(Vec::as_slice).unwrap_or_default();
    stale.iter().map(|entry| entry["service"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_service_that_is_down_is_offline_at_once_and_its_last_figures_stay() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    let before = status(&gateway, "regtech", "online").await;
    within(gateway.regtech().stop()).await;
    let during = status(&gateway, "regtech", "offline").await;
    assert_eq!(during["business_metrics"], before["business_metrics"]);
    assert_eq!(stale(&during), ["regtech"]);
    let entry = &during["stale"][0];
    assert!(entry["last_success"].is_string() && entry["age_seconds"].is_u64(), "{entry}");
    for other in ["flaisimulator_status", "dashboard_status"] {
        assert_eq!(during["system_health"][other], "online");
    }
    gateway.regtech().restart().await.expect("its port was kept");
    let after = status(&gateway, "regtech", "online").await;
    assert_eq!(after.get("stale"), None);
    gateway.stop().await;
}

#[tokio::test]
async fn services_that_never_answered_count_as_zero_and_say_so() {
    // Bound without listening: the port stays taken, and connections to it are refused.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback has free ports");
    let dead = format!("http://{}", socket.local_addr().expect("it is bound"));
    let gateway = Gateway::with(&[
        UNCACHED,
        ("SERVICES__REGTECH__BASE_URL", &dead),
        ("SERVICES__FLAISIMULATOR__BASE_URL", &dead),
        ("SERVICES__DASHBOARD__BASE_URL", &dead),
    ])
    .await;
    let metrics = status(&gateway, "regtech", "offline").await;
    let figures = metrics["business_metrics"].as_object().expect("figures");
    assert!(figures.values().all(|figure| figure.as_f64() == Some(0.0)), "{metrics}");
    assert_eq!(stale(&metrics), ["flaisimulator", "regtech", "dashboard"]);
    assert_eq!(
        metrics["stale"][0],
        json!({"service": "flaisimulator", "last_success": null, "age_seconds": null})
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_errs_or_makes_no_sense_is_degraded() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    let before = status(&gateway, "flaisimulator", "online").await;
    for failure in [
        Failure::error(StatusCode::INTERNAL_SERVER_ERROR),
        Failure::error(StatusCode::NOT_FOUND),
        Failure::error(StatusCode::SERVICE_UNAVAILABLE),
        Failure::malformed(),
        Failure::huge(),
    ] {
        gateway.flaisimulator().control().fail(failure.on(TRAINING));
        let during = status(&gateway, "flaisimulator", "degraded").await;
        assert_eq!(stale(&during), ["flaisimulator"]);
        assert_eq!(during["business_metrics"], before["business_metrics"]);
        gateway.flaisimulator().control().heal();
        status(&gateway, "flaisimulator", "online").await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_slow_service_is_degraded_and_its_figures_are_of_now() {
    let gateway = Gateway::with(&[UNCACHED, ("METRICS__SLOW_SECONDS", "0.3")]).await;
    gateway.regtech().control().fail(Failure::slow(Duration::from_millis(301)).on(COMPLIANCE));
    let metrics = status(&gateway, "regtech", "degraded").await;
    assert!(!stale(&metrics).contains(&"regtech"), "{metrics}");
    assert_ne!(metrics["business_metrics"]["providers_analyzed"], 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_answering_is_degraded_while_its_figures_are_young_and_then_offline() {
    let gateway = Gateway::with(&[
        UNCACHED,
        ("METRICS__TIMEOUT_SECONDS", "0.5"),
        ("METRICS__OFFLINE_AFTER_SECONDS", "3"),
    ])
    .await;
    let before = status(&gateway, "regtech", "online").await;
    gateway.regtech().control().fail(Failure::hang().on(COMPLIANCE));
    let young = status(&gateway, "regtech", "degraded").await;
    let old = status(&gateway, "regtech", "offline").await;
    for metrics in [young, old] {
        assert!(stale(&metrics).contains(&"regtech"), "{metrics}");
        let figure = |metrics: &Value| metrics["business_metrics"]["providers_analyzed"].clone();
        assert_eq!(figure(&metrics), figure(&before));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_hanging_service_costs_its_own_timeout_and_not_the_figures_of_the_others() {
    let hanging = |services: &integridai_gateway::demo::Simulators| {
        services.regtech.control().fail(Failure::hang().on(COMPLIANCE));
    };
    let settings =
        &[UNCACHED, ("METRICS__TIMEOUT_SECONDS", "600"), ("SERVICES__REGTECH__TIMEOUT_SECONDS", "0.3")];
    let gateway = Gateway::over(settings, hanging).await;
    let metrics = gateway.client.get(CONSOLIDATED).await.ok();
    let health = json!({
        "flaisimulator_status": "online", "regtech_status": "offline", "dashboard_status": "online",
    });
    assert_eq!((&metrics["system_health"], stale(&metrics)), (&health, vec!["regtech"]));
    assert!(metrics["business_metrics"]["total_users"].as_u64() > Some(0), "{metrics}");
    within(gateway.regtech().control().wait_until(|report| report.count(COMPLIANCE, "cancelled") >= 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn each_change_of_a_status_is_one_alert() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let round = async |subscriber: &mut Subscriber| {
        gateway.client.execute(&json!({"workflow": "metrics_update"})).await.ok();
        subscriber.next().await
    };
    within(gateway.regtech().stop()).await;
    let down = round(&mut subscriber).await["data"].clone();
    assert_eq!((&down["code"], &down["service"]), (&json!("service_status_changed"), &json!("regtech")));
    assert_eq!(
        (&down["severity"], &down["message"]),
        (&json!("critical"), &json!("regtech is offline; it was online"))
    );
    assert_eq!(subscriber.next().await["data"]["system_health"]["regtech_status"], "offline");
    assert_eq!(
        round(&mut subscriber).await["type"],
        "metrics_update",
        "it is offline still, and that is no news"
    );
    gateway.regtech().restart().await.expect("its port was kept");
    let up = round(&mut subscriber).await["data"].clone();
    assert_eq!(
        (&up["severity"], &up["message"]),
        (&json!("info"), &json!("regtech is online; it was offline"))
    );
    assert_eq!(subscriber.next().await["type"], "metrics_update");
    assert_eq!(round(&mut subscriber).await["type"], "metrics_update", "it is online still");
    let query = "SELECT service_name FROM system_events WHERE event_type = 'system_alert'";
    let rows = gateway.until_rows(query, 2).await;
    assert_eq!(rows, [json!({"service_name": "regtech"}), json!({"service_name": "regtech"})]);
    drop(subscriber);
    gateway.stop().await;
}
