//! `complete_analysis` while the Dashboard fails: there is an analysis, so the client gets it.

use std::time::Duration;

use http::StatusCode;
use integridai_gateway::demo::Failure;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::requests::{UPDATE, analysis, with_options};
use crate::support::stub::Stub;
use crate::support::subscriber::Subscriber;
use crate::support::within;

/// Executes an analysis, which succeeds without the Dashboard, and takes the alert that is sent and kept.
async fn succeeds_without(gateway: &Gateway, subscriber: &mut Subscriber, timeout: f64, reason: &str) {
    let request = with_options(analysis(), json!({"timeout": timeout}));
    let result = gateway.client.execute(&request).await.ok();
    assert_eq!((&result["success"], &result["dashboard_updated"]), (&json!(true), &json!(false)), "{result}");
    assert!(result["regtech_analysis"].is_object(), "{result}");
    let step = &result["steps"][1];
    assert_eq!((&step["status"], &step["error"]), (&json!("failed"), &json!(reason)), "{result}");

    let alert = subscriber.alert("dashboard_update_failed").await;
    let data = &alert["data"];
    assert_eq!((&data["workflow_id"], &data["service"]), (&result["workflow_id"], &json!("dashboard")));
    assert_eq!(data["message"], format!("the dashboard was not updated: {reason}"));
    let complete = subscriber.event("analysis_complete").await;
    assert_eq!(complete["data"]["dashboard_updated"], false, "{complete}");
    let query = format!("SELECT payload, service_name FROM system_events WHERE id = {}", alert["id"]);
    let rows = gateway.until_rows(&query.replace('"', "'"), 1).await;
    assert_eq!(rows[0]["service_name"], "dashboard");
    let kept: Value = serde_json::from_str(rows[0]["payload"].as_str().expect("text")).expect("JSON");
    assert_eq!(&kept, data);
}

#[tokio::test]
async fn a_dashboard_that_answers_with_an_error_costs_only_its_update() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for (status, reason) in [
        (500, "dashboard answered 500 Internal Server Error"),
        (503, "dashboard answered 503 Service Unavailable"),
        (400, "dashboard refused: simulated failure (400 Bad Request)"),
        (404, "dashboard answered 404 Not Found"),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        gateway.dashboard().control().fail(Failure::error(status).retry_after(9).on(UPDATE));
        succeeds_without(&gateway, &mut subscriber, 20.0, reason).await;
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dashboard_that_breaks_off_costs_only_its_update() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for (failure, reason) in [
        (Failure::reset(), "dashboard broke off"),
        (Failure::truncate(), "dashboard broke off"),
        (Failure::huge(), "dashboard answered more than is accepted"),
    ] {
        gateway.dashboard().control().fail(failure.on(UPDATE));
        succeeds_without(&gateway, &mut subscriber, 20.0, reason).await;
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dashboard_that_does_not_answer_costs_its_update_and_the_rest_of_the_deadline() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let control = gateway.dashboard().control();
    for (cancelled, failure) in
        [Failure::hang(), Failure::slow_body(Duration::from_secs(60))].into_iter().enumerate()
    {
        control.fail(failure.on(UPDATE));
        succeeds_without(&gateway, &mut subscriber, 0.5, "dashboard did not answer in time").await;
        let cancelled = cancelled as u64 + 1;
        within(control.wait_until(|report| report.count(UPDATE, "cancelled") == cancelled)).await;
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dashboard_that_is_down_costs_only_its_update() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    within(gateway.dashboard().stop()).await;
    succeeds_without(&gateway, &mut subscriber, 20.0, "dashboard cannot be reached").await;
    gateway.dashboard().restart().await.expect("its port was kept");
    assert_eq!(gateway.client.execute(&analysis()).await.ok()["dashboard_updated"], true);
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dashboard_that_says_success_false_was_not_updated() {
    let dashboard = Stub::start(200, r#"{"success":false,"error":"read only"}"#).await;
    let gateway = Gateway::with(&[("SERVICES__DASHBOARD__BASE_URL", &dashboard.url)]).await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    succeeds_without(&gateway, &mut subscriber, 20.0, "dashboard refused").await;
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dashboard_whose_good_answer_has_no_readable_body_was_updated() {
    let gateway = Gateway::start().await;
    gateway.dashboard().control().fail(Failure::malformed().on(UPDATE));
    assert_eq!(gateway.client.execute(&analysis()).await.ok()["dashboard_updated"], true);
    gateway.stop().await;
    for (status, body) in [(200, ""), (200, "OK"), (201, "{}"), (202, "null"), (204, "")] {
        let dashboard = Stub::start(status, body).await;
        let gateway = Gateway::with(&[("SERVICES__DASHBOARD__BASE_URL", &dashboard.url)]).await;
        let result = gateway.client.execute(&analysis()).await.ok();
        assert_eq!(result["dashboard_updated"], true, "{status} {body:?}");
        gateway.stop().await;
    }
}
