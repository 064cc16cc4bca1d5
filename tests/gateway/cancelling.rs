//! Executions that are cancelled, that were given up and are replayed, and the list of them.

use http::StatusCode;
use integridai_gateway::demo::{DEMO_SESSION, Failure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client, EXECUTE, EXECUTIONS};
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, SESSION, UPDATE, analysis, later, training, training_by_id};
use crate::support::within;

async fn cancel(client: &Client, id: &str) -> Answer {
    client.send(client.request(Method::DELETE, &format!("{EXECUTIONS}/{id}"))).await
}

async fn replay(client: &Client, id: &str) -> Answer {
    client.send(client.request(Method::POST, &format!("{EXECUTIONS}/{id}/replay"))).await
}

#[tokio::test]
async fn one_that_runs_is_cancelled_together_with_its_call() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let accepted = cancel(&gateway.client, &id).await;
    assert_eq!((accepted.status, accepted.header("location")), (202, &*format!("{EXECUTIONS}/{id}")));
    within(control.wait_until(|report| report.cancelled == 1)).await;
    let ended = gateway.client.execution_that(&id, "cancelled").await;
    assert_eq!(ended["error"], json!({"status": 499, "detail": "cancelled on request"}));
    assert!(ended["finished_at"].is_string() && ended["result"].is_null(), "{ended}");
    assert_eq!(cancel(&gateway.client, &id).await.status, 204, "it is what was asked for");
    assert_eq!(gateway.dashboard().control().report().applied, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_waits_is_cancelled_at_once_and_one_that_has_ended_is_409() {
    let gateway = Gateway::with(&[("EXECUTIONS__WORKERS", "1"), ("SERVER__GRACE_SECONDS", "0.2")]).await;
    let done = gateway.client.enqueue(&later(analysis())).await;
    gateway.client.execution_that(&done, "succeeded").await;
    let problem = cancel(&gateway.client, &done).await.problem(409);
    assert_eq!(problem["detail"], "the execution has ended: succeeded");

    let control = gateway.flaisimulator().control();
    control.fail(Failure::hang().on(SESSION));
    gateway.client.enqueue(&later(training_by_id(DEMO_SESSION))).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let waits = gateway.client.enqueue(&later(analysis())).await;
    assert_eq!(cancel(&gateway.client, &waits).await.status, 204);
    let ended = gateway.client.execution(&waits).await.ok();
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("cancelled"), &json!(0)));
    cancel(&gateway.client, "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e").await.problem(404);
    cancel(&gateway.client, "7").await.problem(404);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_another_gateway_runs_is_cancelled_with_its_next_heartbeat() {
    let gateway = Gateway::with(&[("EXECUTIONS__LEASE_SECONDS", "2")]).await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let id = gateway.client.enqueue(&later(analysis())).await;
    within(control.wait_until(|report| report.in_flight == 1)).await;
    // As another gateway on the same database would.
    gateway.change_database("UPDATE executions SET cancel_requested = 1");
    within(control.wait_until(|report| report.cancelled == 1)).await;
    gateway.client.execution_that(&id, "cancelled").await;
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_was_given_up_is_replayed_from_where_it_stood() {
    let gateway = Gateway::start().await;
    let control = gateway.dashboard().control();
    control.fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).on(UPDATE));
    let id = gateway.client.enqueue(&later(training_by_id(DEMO_SESSION))).await;
    gateway.client.execution_that(&id, "dead").await;
    control.heal();
    let accepted = replay(&gateway.client, &id).await;
    assert_eq!((accepted.status, accepted.header("location")), (202, &*format!("{EXECUTIONS}/{id}")));
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!((&ended["attempts"], &ended["error"]), (&json!(2), &Value::Null));
    assert_eq!(gateway.flaisimulator().control().report().total(SESSION), 1, "that step was done");
    assert_eq!(control.key(&format!("{id}:dashboard")).applied, 1);
    let problem = replay(&gateway.client, &id).await.problem(409);
    assert_eq!(problem["detail"], "only an execution that is dead can be replayed");
    replay(&gateway.client, "7").await.problem(404);
    gateway.stop().await;
}

#[tokio::test]
async fn a_list_has_what_was_asked_for_page_by_page() {
    let gateway = Gateway::start().await;
    let mut ids = Vec::new();
    for request in [analysis(), training(), analysis(), training(), analysis()] {
        ids.push(gateway.client.enqueue(&later(request)).await);
        gateway.client.execution_that(&ids[ids.len() - 1], "succeeded").await;
    }
    let list = async |query: &str| gateway.client.get(&format!("{EXECUTIONS}?{query}")).await;
    let found = |answer: &Answer| -> Vec<String> {
        let page = answer.ok();
        let entries = page["executions"].as_array().expect("a list").iter();
        entries.map(|entry| entry["workflow_id"].as_str().expect("an id").to_owned()).collect()
    };
    ids.reverse();
    let (mut paged, mut path) = (Vec::new(), format!("{EXECUTIONS}?limit=2&status=succeeded"));
    loop {
        let page = gateway.client.get(&path).await;
        paged.extend(found(&page));
        assert_eq!(page.header("link").is_empty(), page.json()["next"].is_null());
        let Some((link, _)) = page.header("link").split_once('>') else { break };
        path = link.trim_start_matches('<').to_owned();
    }
    assert_eq!(paged, ids);
    assert_eq!(found(&list("workflow=training_sync").await).len(), 2);
    assert_eq!(found(&list("until=2020-01-01T00:00:00Z").await).len(), 0);
    assert_eq!(found(&list("from=2020-01-01T00:00:00Z").await).len(), 5);
    for wrong in
        ["limit=0", "limit=501", "limit=x", "status=done", "from=today", "cursor=7", "cursor=x-y", "order=up"]
    {
        list(wrong).await.problem(400);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn of_others_nobody_but_an_admin_sees_cancels_or_replays_any() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let token = |subject: &str, scope: &str| {
        let mut claims = claims(scope);
        claims["sub"] = json!(subject);
        signed(&claims)
    };
    let (ann, bob) = (token("ann", "workflows:execute"), token("bob", "workflows:execute metrics:read"));
    let admin = token("root", "admin");
    let ask = async |method: Method, path: &str, token: &str| {
        client.send(client.request(method, path).bearer_auth(token)).await
    };
    let request = client.request(Method::POST, EXECUTE).bearer_auth(&ann).json(&later(training()));
    let id = client.send(request).await.json()["workflow_id"].as_str().expect("an id").to_owned();
    let path = format!("{EXECUTIONS}/{id}");
    let count = async |token: &str, query: &str| {
        let list = ask(Method::GET, &format!("{EXECUTIONS}{query}"), token).await.ok();
        list["executions"].as_array().expect("a list").len()
    };
    assert_eq!((count(&ann, "").await, count(&bob, "").await, count(&admin, "").await), (1, 0, 1));
    assert_eq!((count(&bob, "?user_id=ann").await, count(&admin, "?user_id=ann").await), (0, 1));
    for (method, path) in
        [(Method::GET, &path), (Method::DELETE, &path), (Method::POST, &format!("{path}/replay"))]
    {
        let problem = ask(method.clone(), path, &bob).await.problem(404);
        assert_eq!(problem["detail"], "there is no execution with this id", "{method}");
    }
    assert_eq!(ask(Method::GET, &path, &ann).await.ok()["workflow_id"], json!(id));
    assert_eq!(ask(Method::GET, &path, &admin).await.ok()["user_id"], "ann");
    let own = ask(Method::POST, &format!("{path}/replay"), &ann).await;
    own.problem(409);
    ask(Method::POST, &format!("{path}/replay"), &admin).await.problem(409);
    guarded.gateway.stop().await;
}
