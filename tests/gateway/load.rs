//! Many at once, and clients that leave.

use std::collections::BTreeSet;

use integridai_gateway::demo::Failure;
use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_executions_at_once_all_succeed_and_each_is_applied_once() {
    let gateway = Gateway::start().await;
    let execute = |number: u32| {
        let client = gateway.client.clone();
        let mut request = analysis();
        request["payload"]["name"] = json!(format!("Provider {number}"));
        tokio::spawn(async move { (number, client.execute(&request).await.ok()) })
    };
    let mut ids = BTreeSet::new();
    for execution in (0..200).map(execute).collect::<Vec<_>>() {
        let (number, result) = within(execution).await.expect("no panic");
        let name = &result["regtech_analysis"]["provider_info"]["name"];
        assert_eq!(name, &json!(format!("Provider {number}")), "an answer went to another request");
        assert_eq!(result["dashboard_updated"], true);
        ids.insert(result["workflow_id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(ids.len(), 200);
    let report = gateway.dashboard().control().report();
    assert_eq!((report.applied, report.distinct_keys, report.duplicate_keys), (200, 200, 0));
    assert_eq!(gateway.regtech().control().report().count(ANALYZE, "200"), 200);
    gateway.until_rows("SELECT 1 FROM executions WHERE state = 'succeeded'", 200).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_upstream_call_along() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let client = gateway.client.clone();
    let leaving = tokio::spawn(async move { client.execute(&analysis()).await });
    within(control.wait_until(|report| report.in_flight == 1)).await;
    leaving.abort();
    let report = within(control.wait_until(|report| report.in_flight == 0)).await;
    assert_eq!(report.count(ANALYZE, "cancelled"), 1);
    let rows = gateway.until_rows("SELECT status_code FROM api_calls_log WHERE method = 'POST'", 1).await;
    assert_eq!(rows, [json!({"status_code": 499})]);
    let query = "SELECT state, json_extract(error, '$.status') AS status FROM executions";
    let rows = gateway.until_rows(query, 1).await;
    assert_eq!(
        rows,
        [json!({"state": "failed", "status": 499})],
        "what nobody waits for is told all the same"
    );
    gateway.stop().await;
}
