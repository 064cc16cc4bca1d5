//! A database that cannot be written fails nobody who does not need it.

use integridai_gateway::demo::Failure;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::CONSOLIDATED;
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, UPDATE, analysis, later, training};
use crate::support::subscriber::Subscriber;
use crate::support::within;

#[tokio::test]
async fn what_is_to_be_done_later_is_503_and_everything_else_goes_on() {
    let gateway = Gateway::start().await;
    let kept = gateway.client.enqueue(&later(analysis())).await;
    gateway.client.execution_that(&kept, "succeeded").await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let held = gateway.hold_database();

    let refused = gateway.client.execute(&later(analysis())).await;
    let detail = "the execution cannot be stored at the moment";
    assert_eq!(refused.failure(503, Some("complete_analysis"))["detail"], detail);
    assert_eq!(refused.header("retry-after"), "10");
    let result = gateway.client.execute(&analysis()).await.ok();
    gateway.client.execute(&training()).await.ok();
    gateway.client.get(CONSOLIDATED).await.ok();
    gateway.client.execution(&kept).await.ok();
    subscriber.say(Message::text("ping")).await;
    assert_eq!(subscriber.text().await, "pong", "what is not committed is not told, and holds nothing up");

    drop(held);
    let analysed = subscriber.event("analysis_complete").await;
    let trained = subscriber.event("training_progress").await;
    assert!(analysed["cursor"].as_u64() < trained["cursor"].as_u64(), "in order: {analysed} {trained}");
    let id = result["workflow_id"].as_str().expect("an id");
    assert_eq!(gateway.client.execution_that(id, "succeeded").await["result"], result);
    let query = "SELECT status_code FROM api_calls_log WHERE status_code = 503";
    assert_eq!(gateway.until_rows(query, 1).await, [json!({"status_code": 503})]);
    assert_eq!(gateway.rows("SELECT id FROM executions").len(), 3, "what was refused is not there");
    let later = gateway.client.enqueue(&later(analysis())).await;
    gateway.client.execution_that(&later, "succeeded").await;
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn an_execution_that_ends_meanwhile_is_written_down_once_it_can_be_and_not_repeated() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::slow(std::time::Duration::from_millis(300)).on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let held = gateway.hold_database();
    within(gateway.dashboard().control().wait_until(|report| report.applied == 1)).await;
    assert_eq!(gateway.client.execution(&id).await.ok()["status"], "running");
    drop(held);
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!((&ended["attempts"], &ended["result"]["dashboard_updated"]), (&json!(1), &json!(true)));
    assert_eq!(gateway.dashboard().control().report().count(UPDATE, "200"), 1);
    assert_eq!(control.report().total(ANALYZE), 1);
    gateway.stop().await;
}
