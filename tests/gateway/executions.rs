//! Executions that are done later, and where they stand.

use http::StatusCode;
use integridai_gateway::demo::{DEMO_SESSION, Failure};
use serde_json::{Value, json};

use crate::support::client::EXECUTIONS;
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, SESSION, analysis, later, training_by_id, with_options};
use crate::support::within;

/// Occupies the only worker until FLAISimulator is stopped.
async fn occupy(gateway: &Gateway) -> String {
    let control = gateway.flaisimulator().control();
    control.fail(Failure::hang().on(SESSION));
    let id = gateway.client.enqueue(&later(training_by_id(DEMO_SESSION))).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    id
}

#[tokio::test]
async fn it_is_accepted_with_a_place_to_ask_and_ends_as_if_it_had_been_waited_for() {
    let gateway = Gateway::start().await;
    let request = with_options(analysis(), json!({"async": true, "priority": "high", "timeout": 5}));
    let accepted = gateway.client.execute(&request).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.json()["workflow_id"].as_str().expect("an id").to_owned();
    let location = format!("{EXECUTIONS}/{id}");
    assert_eq!(accepted.header("location"), location);
    let body = json!({"success": true, "status": "queued", "workflow_id": id, "location": location});
    assert_eq!(accepted.json(), body);

    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(ended["workflow_id"], id.as_str());
    assert_eq!((&ended["workflow"], &ended["priority"]), (&json!("complete_analysis"), &json!("high")));
    assert_eq!((&ended["user_id"], &ended["attempts"]), (&Value::Null, &json!(1)));
    assert_eq!(ended["correlation_id"], accepted.header("x-correlation-id"));
    assert_eq!(ended["error"], Value::Null);
    let result = &ended["result"];
    assert_eq!((&result["success"], &result["dashboard_updated"]), (&json!(true), &json!(true)));
    assert_eq!((&result["workflow_id"], &result["steps"]), (&ended["workflow_id"], &ended["steps"]));
    assert!(result["regtech_analysis"]["compliance_analysis"].is_object(), "{result}");
    let moments =
        ["created_at", "started_at", "finished_at"].map(|name| ended[name].as_str().expect("a moment"));
    assert!(moments.is_sorted(), "{moments:?}");
    assert!(!ended["steps"].to_string().contains("output"), "{ended}");
    gateway.stop().await;
}

#[tokio::test]
async fn each_workflow_can_be_done_later() {
    let gateway = Gateway::start().await;
    for request in
        [analysis(), training_by_id(DEMO_SESSION), json!({"workflow": "metrics_update", "payload": {}})]
    {
        let id = gateway.client.enqueue(&later(request.clone())).await;
        let ended = gateway.client.execution_that(&id, "succeeded").await;
        assert_eq!(ended["workflow"], request["workflow"]);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn its_status_is_queued_then_running_then_final_and_says_when_to_ask_again() {
    let gateway = Gateway::with(&[("EXECUTIONS__WORKERS", "1")]).await;
    let running = occupy(&gateway).await;
    let queued = gateway.client.enqueue(&later(analysis())).await;
    for (id, status) in [(&running, "running"), (&queued, "queued")] {
        gateway.client.execution_that(id, status).await;
        let answer = gateway.client.execution(id).await;
        assert_eq!(answer.header("retry-after"), "1", "{answer:?}");
        let (status, found) = (json!(status), answer.json());
        assert_eq!(
            (&found["status"], &found["result"], &found["finished_at"]),
            (&status, &Value::Null, &Value::Null)
        );
    }
    within(gateway.flaisimulator().stop()).await;
    let failed = gateway.client.execution_that(&running, "dead").await;
    assert_eq!(failed["error"]["status"], 502, "{failed}");
    gateway.client.execution_that(&queued, "succeeded").await;
    assert_eq!(gateway.client.execution(&queued).await.header("retry-after"), "");
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_fails_says_why() {
    let gateway = Gateway::start().await;
    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    let failed = gateway.client.execution_that(&id, "dead").await;
    let detail = "regtech answered 500 Internal Server Error";
    assert_eq!(failed["error"], json!({"status": 502, "detail": detail}));
    assert_eq!((&failed["result"], &failed["steps"][0]["error"]), (&Value::Null, &json!(detail)));
    gateway.stop().await;
}

#[tokio::test]
async fn its_timeout_is_a_deadline_for_its_run() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let request = with_options(analysis(), json!({"async": true, "timeout": 0.3}));
    let id = gateway.client.enqueue(&request).await;
    let failed = gateway.client.execution_that(&id, "failed").await;
    assert_eq!(failed["error"], json!({"status": 504, "detail": "regtech did not answer in time"}));
    within(control.wait_until(|report| report.count(ANALYZE, "cancelled") == 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_anything_is_accepted() {
    let gateway = Gateway::start().await;
    let wrong = json!({"workflow": "complete_analysis", "payload": {}, "options": {"async": true}});
    gateway.client.execute(&wrong).await.failure(422, Some("complete_analysis"));
    assert_eq!(gateway.rows("SELECT id FROM executions"), Vec::<Value>::new());
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_or_senseless_id_is_404() {
    let gateway = Gateway::start().await;
    for id in [
        "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e",
        "00000000-0000-0000-0000-000000000000",
        "7",
        "-",
        "%00",
        "%ff%fe",
        "..%2F..%2Fetc",
        "'%20OR%201=1--",
        "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1",
        "%F0%9F%A6%80",
    ] {
        let problem = gateway.client.execution(id).await.problem(404);
        assert_eq!(problem["detail"], "there is no execution with this id", "{id}");
        assert_eq!(problem.get("success"), None, "those members are of execute alone: {problem}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_moment_beyond_the_calendar_is_400_and_harms_nobody() {
    let gateway = Gateway::start().await;
    for moment in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00%2B23:59", "now"] {
        for name in ["from", "until"] {
            let path = format!("/api/v1/gateway/executions?{name}={moment}");
            gateway.client.get(&path).await.problem(400);
        }
    }
    gateway.client.get("/api/v1/gateway/executions").await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn those_that_were_waited_for_can_be_looked_up_too() {
    let gateway = Gateway::start().await;
    let result = gateway.client.execute(&analysis()).await.ok();
    let id = result["workflow_id"].as_str().expect("an id");
    let kept = gateway.client.execution_that(id, "succeeded").await;
    assert_eq!((&kept["result"], &kept["steps"]), (&result, &result["steps"]));
    assert_eq!((&kept["attempts"], &kept["priority"]), (&json!(1), &json!("normal")));
    gateway.stop().await;
}

#[tokio::test]
async fn one_more_than_may_wait_is_503_until_there_is_room() {
    let gateway = Gateway::with(&[("EXECUTIONS__WORKERS", "1"), ("EXECUTIONS__MAX_QUEUED", "2")]).await;
    occupy(&gateway).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(gateway.client.enqueue(&later(analysis())).await);
    }
    let refused = gateway.client.execute(&later(analysis())).await;
    assert_eq!(refused.failure(503, Some("complete_analysis"))["detail"], "the queue is full");
    assert_eq!(refused.header("retry-after"), "5");
    gateway.client.execute(&analysis()).await.ok();
    within(gateway.flaisimulator().stop()).await;
    for id in &waiting {
        gateway.client.execution_that(id, "succeeded").await;
    }
    gateway.client.enqueue(&later(analysis())).await;
    gateway.stop().await;
}

#[tokio::test]
async fn one_more_than_a_caller_may_have_waiting_is_429() {
    let gateway = Gateway::with(&[
        ("EXECUTIONS__WORKERS", "1"),
        ("EXECUTIONS__MAX_QUEUED_PER_PRINCIPAL", "1"),
        ("SERVER__GRACE_SECONDS", "0.2"),
    ])
    .await;
    occupy(&gateway).await;
    gateway.client.enqueue(&later(analysis())).await;
    let refused = gateway.client.execute(&later(analysis())).await;
    let problem = refused.failure(429, Some("complete_analysis"));
    assert_eq!(problem["detail"], "as many executions of yours wait as may");
    assert_eq!(refused.header("retry-after"), "5");
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_wait_than_may_however_many_come_at_once() {
    let gateway = Gateway::with(&[
        ("EXECUTIONS__WORKERS", "1"),
        ("EXECUTIONS__MAX_QUEUED", "5"),
        ("SERVER__GRACE_SECONDS", "0.2"),
    ])
    .await;
    occupy(&gateway).await;
    let hand_in = |_| {
        let client = gateway.client.clone();
        tokio::spawn(async move { client.execute(&later(analysis())).await.status })
    };
    let mut statuses = Vec::new();
    for handed_in in (0..60).map(hand_in).collect::<Vec<_>>() {
        statuses.push(within(handed_in).await.expect("no panic"));
    }
    let accepted = statuses.iter().filter(|status| **status == 202).count();
    assert!(statuses.iter().all(|status| matches!(status, 202 | 503)), "{statuses:?}");
    assert!((1..=5).contains(&accepted), "{accepted} were accepted");
    assert_eq!(gateway.rows("SELECT id FROM executions WHERE state = 'queued'").len(), accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn the_urgent_go_first_and_among_equals_the_oldest() {
    let gateway = Gateway::with(&[("EXECUTIONS__WORKERS", "1")]).await;
    occupy(&gateway).await;
    let mut by_priority = std::collections::BTreeMap::<&str, Vec<String>>::new();
    for priority in ["low", "normal", "high", "low", "high", "normal"] {
        let request = with_options(analysis(), json!({"async": true, "priority": priority}));
        let id = gateway.client.enqueue(&request).await;
        by_priority.entry(priority).or_default().push(id);
    }
    within(gateway.flaisimulator().stop()).await;
    let expected: Vec<String> =
        ["high", "normal", "low"].iter().flat_map(|name| by_priority[name].clone()).collect();
    for id in &expected {
        gateway.client.execution_that(id, "succeeded").await;
    }
    let requests = gateway.regtech().control().requests();
    let keys = requests.iter().filter_map(|request| request.idempotency_key.as_deref());
    let order: Vec<&str> = keys.filter_map(|key| key.strip_suffix(":regtech")).collect();
    assert_eq!(order, expected);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_are_all_done_and_each_is_applied_once() {
    let gateway = Gateway::start().await;
    let hand_in = |_| {
        let client = gateway.client.clone();
        tokio::spawn(async move { client.enqueue(&later(analysis())).await })
    };
    let mut ids = Vec::new();
    for handed_in in (0..100).map(hand_in).collect::<Vec<_>>() {
        ids.push(within(handed_in).await.expect("no panic"));
    }
    for id in &ids {
        gateway.client.execution_that(id, "succeeded").await;
    }
    let report = gateway.dashboard().control().report();
    assert_eq!((report.applied, report.distinct_keys, report.duplicate_keys), (100, 100, 0));
    gateway.stop().await;
}
