//! A fourth workflow, registered by one line: it has all that those of the gateway have.

#[allow(dead_code, reason = "its main is the example's")]
#[path = "../../examples/own_workflow.rs"]
mod example;

use integridai_gateway::demo::{DEMO_SESSION, Failure};
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::requests::{SESSION, analysis, later};
use crate::support::within;

fn request(payload: &Value) -> Value {
    json!({"workflow": "session_report", "payload": payload})
}

#[tokio::test]
async fn it_is_checked_waited_for_queued_resumed_and_counted_like_the_others() {
    let settings = &[("SERVER__GRACE_SECONDS", "0.2")];
    let gateway =
        Gateway::with_workflows(settings, |workflows| workflows.with(example::SESSION_REPORT)).await;
    let refused = gateway.client.execute(&request(&json!({"session": "x"}))).await;
    let pointers: Vec<String> = refused.failure(422, Some("session_report"))["errors"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|error| error["pointer"].as_str().expect("a pointer").to_owned())
        .collect();
    assert_eq!(pointers, ["/payload/session", "/payload/session_id"]);

    let asked = request(&json!({"session_id": DEMO_SESSION}));
    let done = gateway.client.execute(&asked).await.ok();
    assert_eq!(done["output"]["session_id"], DEMO_SESSION, "{done}");
    let control = gateway.flaisimulator().control();
    control.fail(Failure::hang().on(SESSION).times(1));
    let id = gateway.client.enqueue(&later(asked)).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let gateway = gateway.restart().await;
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(ended["result"]["output"], done["output"], "{ended}");
    let metrics = gateway.client.get("/metrics").await;
    assert!(
        metrics.text().contains(r#"integridai_executions_total{workflow="session_report""#),
        "{metrics:?}"
    );
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}
