//! What a gateway leaves unfinished, the next one on the same database takes up.

use integridai_gateway::demo::{DEMO_SESSION, Failure};
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, SESSION, UPDATE, analysis, later, training_by_id};
use crate::support::within;

const IMPATIENT: (&str, &str) = ("SERVER__GRACE_SECONDS", "0.2");

#[tokio::test]
async fn an_execution_that_was_cut_short_is_resumed_after_its_last_finished_step() {
    let gateway = Gateway::with(&[IMPATIENT]).await;
    let control = gateway.dashboard().control();
    control.fail(Failure::hang().on(UPDATE).times(2));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let gateway = gateway.restart().await;
    let control = gateway.dashboard().control();
    within(control.wait_until(|report| report.total(UPDATE) == 1 && report.in_flight == 1)).await;
    let gateway = gateway.restart().await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!((&ended["attempts"], &ended["result"]["dashboard_updated"]), (&json!(1), &json!(true)));
    let names: Vec<_> = ended["steps"].as_array().expect("steps").iter().map(|step| &step["name"]).collect();
    assert_eq!(names, ["regtech.analyze_provider", "dashboard.update_metrics"]);
    assert_eq!(gateway.regtech().control().report().total(ANALYZE), 1, "the analysis is not repeated");
    assert_eq!(gateway.dashboard().control().report().applied, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_repeated_update_has_its_effect_once() {
    let gateway = Gateway::with(&[IMPATIENT]).await;
    let control = gateway.dashboard().control();
    // The update is applied, but its answer never arrives.
    control.fail(Failure::hang().after_applying().on(UPDATE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.applied == 1)).await;
    let gateway = gateway.restart().await;
    let control = gateway.dashboard().control();
    within(control.wait_until(|report| report.duplicate_keys == 1)).await;
    control.heal();
    let gateway = gateway.restart().await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!((&ended["attempts"], &ended["result"]["dashboard_updated"]), (&json!(1), &json!(true)));
    let report = gateway.dashboard().control().report();
    assert_eq!((report.applied, report.replayed, report.distinct_keys), (1, 2, 1));
    assert_eq!(gateway.regtech().control().report().applied, 1, "the analysis is not repeated");
    gateway.stop().await;
}

#[tokio::test]
async fn one_whose_every_attempt_was_cut_short_is_given_up_and_raises_an_alert() {
    let gateway = Gateway::with(&[IMPATIENT]).await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    gateway.change_database("UPDATE executions SET interruptions = 5");
    let gateway = gateway.restart().await;
    let ended = gateway.client.execution_that(&id, "dead").await;
    assert_eq!(ended["error"]["detail"], "given up: every attempt was cut short");
    assert_eq!(gateway.regtech().control().report().total(ANALYZE), 1, "it is not tried again");

    let query = "SELECT payload, correlation_id FROM system_events WHERE payload LIKE '%execution_given_up%'";
    let row = gateway.until_rows(query, 1).await.remove(0);
    let mut alert: Value = serde_json::from_str(row["payload"].as_str().expect("a text")).expect("JSON");
    assert!(alert["timestamp"].take().is_string());
    let message = "an execution was given up: 5 attempts were cut short";
    let expected = json!({"severity": "critical", "code": "execution_given_up", "service": "gateway",
        "message": message, "workflow_id": id, "timestamp": null});
    assert_eq!(alert, expected);
    assert!(
        row["correlation_id"].is_string() && row["correlation_id"] == ended["correlation_id"],
        "{row} {ended}"
    );
    let metrics = gateway.client.get("/metrics").await;
    assert!(metrics.text().contains("\nintegridai_executions_given_up_total 1\n"), "{metrics:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn those_that_wait_survive_and_keep_their_order() {
    let gateway = Gateway::with(&[IMPATIENT, ("EXECUTIONS__WORKERS", "1")]).await;
    let control = gateway.flaisimulator().control();
    control.fail(Failure::hang().on(SESSION));
    let mut ids = vec![gateway.client.enqueue(&later(training_by_id(DEMO_SESSION))).await];
    within(control.wait_until(|report| report.in_flight == 1)).await;
    for _ in 0..5 {
        ids.push(gateway.client.enqueue(&later(analysis())).await);
    }
    let gateway = gateway.restart().await;
    gateway.flaisimulator().control().heal();
    let gateway = gateway.restart().await;
    for id in &ids {
        gateway.client.execution_that(id, "succeeded").await;
    }
    let requests = gateway.regtech().control().requests();
    let keys = requests.iter().filter_map(|request| request.idempotency_key.as_deref());
    let order: Vec<&str> = keys.filter_map(|key| key.strip_suffix(":regtech")).collect();
    assert_eq!(order, ids[1..]);
    assert_eq!(gateway.dashboard().control().report().applied, 6);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_is_under_way_may_finish_within_the_grace_period() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::slow(std::time::Duration::from_millis(300)).on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let gateway = gateway.restart().await;
    let ended = gateway.client.execution(&id).await.ok();
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("succeeded"), &json!(1)));
    gateway.stop().await;
}

#[tokio::test]
async fn everything_that_was_recorded_is_there_at_once() {
    let gateway = Gateway::start().await;
    let result = gateway.client.execute(&analysis()).await.ok();
    gateway.client.get("/nowhere").await.problem(404);
    let gateway = gateway.restart().await;
    let id = result["workflow_id"].as_str().expect("an id");
    assert_eq!(gateway.client.execution(id).await.ok()["result"], result);
    let calls = gateway.rows("SELECT endpoint FROM api_calls_log WHERE status_code = 404");
    assert_eq!(calls, [json!({"endpoint": "/nowhere"})]);
    let events = gateway.rows("SELECT 1 FROM system_events WHERE event_type = 'analysis_complete'");
    assert_eq!(events.len(), 1);
    gateway.stop().await;
}
