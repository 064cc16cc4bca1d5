//! Executions whose steps fail for a while, and executions that change hands.

use http::StatusCode;
use integridai_gateway::demo::Failure;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Settings};
use crate::support::requests::{ANALYZE, UPDATE, analysis, later, training, with_options};
use crate::support::within;

/// Tries again almost at once.
const EAGER: Settings<'static> = &[
    ("EXECUTIONS__MAX_TRIES", "4"),
    ("EXECUTIONS__BACKOFF_SECONDS", "0.01"),
    ("EXECUTIONS__MAX_BACKOFF_SECONDS", "0.02"),
];

#[tokio::test]
async fn a_step_that_fails_for_a_while_is_tried_again_under_the_same_key() {
    let gateway = Gateway::with(EAGER).await;
    let control = gateway.regtech().control();
    control.fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).on(ANALYZE).times(2));
    let id = gateway.client.enqueue(&later(analysis())).await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!((&ended["attempts"], &ended["error"]), (&json!(3), &Value::Null));
    assert_eq!((&ended["steps"][0]["tries"], &ended["steps"][1]["tries"]), (&json!(3), &Value::Null));
    let requests = control.requests();
    let analyses = requests.iter().filter(|request| request.path == ANALYZE);
    let keys: Vec<_> = analyses.map(|request| request.idempotency_key.clone()).collect();
    assert_eq!(keys, vec![Some(format!("{id}:regtech")); 3]);
    gateway.stop().await;
}

#[tokio::test]
async fn what_was_done_is_not_done_again_when_a_later_step_is() {
    let gateway = Gateway::with(EAGER).await;
    gateway.dashboard().control().fail(Failure::reset().on(UPDATE).times(3));
    let id = gateway.client.enqueue(&later(analysis())).await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(ended["result"]["dashboard_updated"], true, "{ended}");
    assert_eq!(gateway.regtech().control().report().total(ANALYZE), 1);
    let used = gateway.dashboard().control().key(&format!("{id}:dashboard"));
    assert_eq!(used.applied, 1, "{used:?}");
    let alerts = "SELECT id FROM system_events WHERE event_type = 'system_alert'";
    assert_eq!(gateway.rows(alerts), Vec::<Value>::new(), "nothing is told of tries that were not the last");
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_failed_as_often_as_it_may_is_dead_and_one_that_would_fail_again_has_failed() {
    let gateway = Gateway::with(EAGER).await;
    let control = gateway.dashboard().control();
    control.fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(UPDATE));
    let id = gateway.client.enqueue(&later(training())).await;
    let dead = gateway.client.execution_that(&id, "dead").await;
    assert_eq!((&dead["attempts"], &dead["steps"][0]["tries"]), (&json!(4), &json!(4)));
    assert_eq!(dead["error"]["status"], 502, "{dead}");

    control.fail(Failure::error(StatusCode::BAD_REQUEST).on(UPDATE));
    let id = gateway.client.enqueue(&later(training())).await;
    let failed = gateway.client.execution_that(&id, "failed").await;
    assert_eq!(failed["attempts"], 1, "{failed}");
    gateway.stop().await;
}

#[tokio::test]
async fn no_try_is_waited_for_beyond_the_deadline() {
    let gateway =
        Gateway::with(&[("EXECUTIONS__MAX_TRIES", "5"), ("EXECUTIONS__BACKOFF_SECONDS", "60")]).await;
    gateway.regtech().control().fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).on(ANALYZE));
    let request = with_options(analysis(), json!({"async": true, "timeout": 20}));
    let id = gateway.client.enqueue(&request).await;
    let failed = gateway.client.execution_that(&id, "failed").await;
    assert_eq!((&failed["attempts"], &failed["error"]["status"]), (&json!(1), &json!(503)));
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_is_scheduled_waits_for_its_time() {
    let gateway = Gateway::start().await;
    let schedule = async |options: Value| gateway.client.enqueue(&with_options(analysis(), options)).await;
    let soon = schedule(json!({"async": true, "delay": 0.05})).await;
    let late = schedule(json!({"async": true, "delay": 3600, "timeout": 5})).await;
    let moment = schedule(json!({"async": true, "run_at": "2020-01-01T00:00:00Z"})).await;
    for id in [&soon, &moment] {
        gateway.client.execution_that(id, "succeeded").await;
    }
    let waits = gateway.client.execution(&late).await.ok();
    assert_eq!((&waits["status"], &waits["attempts"]), (&json!("queued"), &json!(0)));
    gateway.stop().await;
}

#[tokio::test]
async fn a_worker_whose_lease_went_to_another_stops_at_once_and_writes_nothing() {
    let gateway = Gateway::with(&[("EXECUTIONS__LEASE_SECONDS", "2")]).await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE).times(1));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    gateway.change_database(
        "UPDATE executions SET fence = fence + 1, worker = 'other', leased_until = '2999-01-01T00:00:00.000000Z'",
    );
    within(control.wait_until(|report| report.cancelled == 1)).await;
    let row = gateway.rows("SELECT state, worker, fence, steps FROM executions").remove(0);
    assert_eq!(row, json!({"state": "running", "worker": "other", "fence": 2, "steps": "[]"}));

    // The other one is not heard of any more.
    gateway.change_database("UPDATE executions SET leased_until = '2020-01-01T00:00:00.000000Z'");
    gateway.client.execution_that(&id, "succeeded").await;
    let row = gateway.rows("SELECT fence, interruptions FROM executions").remove(0);
    assert_eq!(row, json!({"fence": 3, "interruptions": 1}));
    assert_eq!(gateway.dashboard().control().key(&format!("{id}:dashboard")).applied, 1);
    let metrics = gateway.client.get("/metrics").await;
    assert!(metrics.text().contains("\nintegridai_execution_leases_lost_total "), "{metrics:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_run_longer_than_its_lease_keeps_it() {
    let gateway = Gateway::with(&[("EXECUTIONS__LEASE_SECONDS", "3")]).await;
    let control = gateway.regtech().control();
    control.fail(Failure::slow(std::time::Duration::from_secs(4)).on(ANALYZE).times(1));
    let id = gateway.client.enqueue(&later(analysis())).await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(ended["attempts"], 1, "{ended}");
    gateway.stop().await;
}
