//! `training_sync` and `metrics_update`.

use http::StatusCode;
use integridai_gateway::demo::{DEMO_SESSION, Failure};
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::requests::{SESSION, UPDATE, session, training, training_by_id, with_options};
use crate::support::stub::Stub;
use crate::support::subscriber::Subscriber;
use crate::support::within;

fn steps(result: &Value) -> Vec<&str> {
    let steps = result["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_session_that_comes_along_is_told_to_the_dashboard_as_it_is() {
    let dashboard = Stub::start(200, "").await;
    let gateway = Gateway::with(&[("SERVICES__DASHBOARD__BASE_URL", &dashboard.url)]).await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let mut request = training();
    request["payload"]["user_id"] = json!("user-7");
    let result = gateway.client.execute(&request).await.ok();
    assert_eq!((&result["success"], &result["dashboard_updated"]), (&json!(true), &json!(true)));
    assert_eq!(result["training_session"], session());
    assert_eq!(steps(&result), ["dashboard.update_metrics"]);
    assert_eq!(dashboard.only(UPDATE).body["training_update"], session());
    let told = subscriber.event("training_progress").await["data"].clone();
    assert_eq!((&told["session"], &told["user_id"]), (&session(), &json!("user-7")));
    assert_eq!((&told["workflow_id"], &told["dashboard_updated"]), (&result["workflow_id"], &json!(true)));
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_named_by_its_id_is_fetched_however_the_id_is_written() {
    let gateway = Gateway::start().await;
    for payload in [
        json!({"training_session": DEMO_SESSION}),
        json!({"training_session": {"session_id": DEMO_SESSION}}),
        json!({"session_id": DEMO_SESSION}),
    ] {
        let request = json!({"workflow": "training_sync", "payload": payload});
        let result = gateway.client.execute(&request).await.ok();
        assert_eq!(result["training_session"]["session_id"], DEMO_SESSION, "{result}");
        assert_eq!(steps(&result), ["flaisimulator.training_session", "dashboard.update_metrics"]);
    }
    assert_eq!(gateway.flaisimulator().control().report().count(SESSION, "200"), 3);
    assert_eq!(gateway.dashboard().control().report().applied, 3);
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_session_is_the_clients_mistake() {
    let gateway = Gateway::start().await;
    for id in ["nobody-knows-this", "../../../health", "a/b?c#d", "ñ %2F"] {
        let problem = gateway.client.execute(&training_by_id(id)).await.failure(422, Some("training_sync"));
        assert_eq!(problem["detail"], "flaisimulator does not know this training session");
        assert!(problem["workflow_id"].is_string(), "{problem}");
    }
    let report = gateway.flaisimulator().control().report();
    assert_eq!(report.count(SESSION, "404"), 4, "an id never leaves its path segment: {report:?}");
    assert_eq!(gateway.dashboard().control().report().applied, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failing_dashboard_fails_the_sync_and_raises_an_alert() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let control = gateway.dashboard().control();
    for (failure, status) in [
        (Failure::error(StatusCode::INTERNAL_SERVER_ERROR), 502),
        (Failure::error(StatusCode::BAD_REQUEST), 502),
        (Failure::error(StatusCode::SERVICE_UNAVAILABLE).retry_after(4), 503),
        (Failure::truncate(), 502),
        (Failure::reset(), 502),
        (Failure::huge(), 502),
        (Failure::hang(), 504),
        (Failure::slow_body(std::time::Duration::from_secs(60)), 504),
    ] {
        control.fail(failure.on(UPDATE));
        let request = with_options(training(), json!({"timeout": if status == 504 { 0.3 } else { 20.0 }}));
        let answer = gateway.client.execute(&request).await;
        let problem = answer.failure(status, Some("training_sync"));
        assert_eq!(answer.header("retry-after"), if status == 503 { "4" } else { "" });
        let alert = subscriber.alert("dashboard_update_failed").await;
        assert_eq!(alert["data"]["workflow_id"], problem["workflow_id"], "{alert}");
    }
    within(gateway.dashboard().stop()).await;
    gateway.client.execute(&training()).await.failure(503, Some("training_sync"));
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failing_flaisimulator_fails_the_sync_before_the_dashboard_is_told() {
    let gateway = Gateway::start().await;
    for (failure, status) in [
        (Failure::error(StatusCode::INTERNAL_SERVER_ERROR), 502),
        (Failure::error(StatusCode::FORBIDDEN), 502),
        (Failure::malformed(), 502),
        (Failure::truncate(), 502),
        (Failure::huge(), 502),
        (Failure::hang(), 504),
    ] {
        gateway.flaisimulator().control().fail(failure.on(SESSION));
        let request = with_options(
            training_by_id(DEMO_SESSION),
            json!({"timeout": if status == 504 { 0.3 } else { 20.0 }}),
        );
        gateway.client.execute(&request).await.failure(status, Some("training_sync"));
    }
    within(gateway.flaisimulator().stop()).await;
    let problem =
        gateway.client.execute(&training_by_id(DEMO_SESSION)).await.failure(503, Some("training_sync"));
    assert_eq!(problem["detail"], "flaisimulator cannot be reached");
    assert_eq!(gateway.dashboard().control().report().applied, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_of_another_shape_than_an_object_is_malformed() {
    for body in ["[1]", "7", r#"{"success":true,"data":[]}"#, "<html>"] {
        let service = Stub::start(200, body).await;
        let gateway = Gateway::with(&[("SERVICES__FLAISIMULATOR__BASE_URL", &service.url)]).await;
        let problem =
            gateway.client.execute(&training_by_id("s-1")).await.failure(502, Some("training_sync"));
        assert_eq!(problem["detail"], "flaisimulator answered something malformed", "{body}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_metrics_update_is_answered_at_once_and_gathers_anew_in_the_background() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let metrics = "/compliance_dashboard";
    let before = gateway.regtech().control().report().total(metrics);
    for request in [
        json!({"workflow": "metrics_update"}),
        json!({"workflow": "metrics_update", "payload": null, "options": null}),
        json!({"workflow": "metrics_update", "payload": {"user_id": "user-7"}, "options": {}}),
    ] {
        let result = gateway.client.execute(&request).await.ok();
        assert_eq!((&result["status"], &result["success"]), (&json!("metrics_update_queued"), &json!(true)));
        assert_eq!(result["steps"], json!([]));
        assert!(result["workflow_id"].is_string());
        subscriber.event("metrics_update").await;
    }
    assert!(gateway.regtech().control().report().total(metrics) > before);
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_metrics_update_does_not_wait_for_a_service_that_hangs() {
    let gateway = Gateway::with(&[("METRICS__TIMEOUT_SECONDS", "600")]).await;
    Subscriber::start(&gateway.client).await;
    gateway.regtech().control().fail(Failure::hang());
    let result = gateway.client.execute(&json!({"workflow": "metrics_update"})).await.ok();
    assert_eq!(result["status"], "metrics_update_queued");
    within(gateway.regtech().control().wait_until(|report| report.in_flight == 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_as_deep_as_json_is_read_goes_all_the_way() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let request = |depth: usize, options: &str| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let session = format!(r#"{{"session_id":"s-1","nested":{nested}}}"#);
        format!(
            r#"{{"workflow":"training_sync","payload":{{"training_session":{session}}},"options":{options}}}"#
        )
    };
    let deepest = 124;
    gateway.client.execute_text(request(deepest + 1, "{}")).await.failure(400, None);
    let answer = gateway.client.execute_text(request(deepest, "{}")).await;
    assert!(answer.status == 200 && answer.text().contains(&"[".repeat(deepest)), "{answer:?}");
    assert!(subscriber.text().await.contains(&"[".repeat(deepest)));
    let answer = gateway.client.execute_text(request(deepest, r#"{"async":true}"#)).await;
    let id = answer.json()["workflow_id"].as_str().expect("an id").to_owned();
    gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(gateway.dashboard().control().report().applied, 2);
    drop(subscriber);
    gateway.stop().await;
}
