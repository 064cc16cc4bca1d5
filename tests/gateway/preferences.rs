//! `Prefer: respond-async` and `wait=N`, and a status that is asked for again and again.

use integridai_gateway::demo::Failure;
use reqwest::Method;
use serde_json::Value;

use crate::support::client::{Answer, Client, EXECUTE, EXECUTIONS};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis, later};
use crate::support::within;

async fn send(client: &Client, prefer: &str, request: &Value) -> Answer {
    client.send(client.request(Method::POST, EXECUTE).header("prefer", prefer).json(request)).await
}

#[tokio::test]
async fn respond_async_is_answered_202_with_a_place_to_ask() {
    let gateway = Gateway::start().await;
    let accepted = send(&gateway.client, "respond-async", &analysis()).await;
    assert_eq!((accepted.status, accepted.header("preference-applied")), (202, "respond-async"));
    let id = accepted.json()["workflow_id"].as_str().expect("an id").to_owned();
    assert_eq!(accepted.header("location"), format!("{EXECUTIONS}/{id}"));
    assert_eq!(accepted.header("retry-after"), "1");
    gateway.client.execution_that(&id, "succeeded").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_wait_is_answered_200_if_the_end_comes_in_time_and_202_if_not() {
    let gateway = Gateway::start().await;
    let done = send(&gateway.client, "respond-async, wait=20", &analysis()).await;
    assert_eq!(
        (&done.ok()["dashboard_updated"], done.header("preference-applied")),
        (&true.into(), "wait=20")
    );

    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let accepted = send(&gateway.client, "wait=1", &analysis()).await;
    assert_eq!((accepted.status, accepted.header("preference-applied")), (202, "wait=1"), "{accepted:?}");
    let id = accepted.json()["workflow_id"].as_str().expect("an id").to_owned();
    gateway.client.execution_that(&id, "running").await;
    let now = send(&gateway.client, "wait=0", &analysis()).await;
    assert_eq!((now.status, now.header("preference-applied")), (202, "wait=0"));
    within(gateway.client.send(gateway.client.request(Method::DELETE, &format!("{EXECUTIONS}/{id}")))).await;
    gateway.client.execution_that(&id, "cancelled").await;
    control.heal();
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_not_known_or_makes_no_sense_is_ignored() {
    let gateway = Gateway::start().await;
    for prefer in ["return=minimal", "wait=soon", "handling=lenient"] {
        let done = send(&gateway.client, prefer, &analysis()).await;
        assert_eq!(
            (&done.ok()["success"], done.header("preference-applied")),
            (&true.into(), ""),
            "{prefer}"
        );
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_status_that_has_not_changed_is_304() {
    let gateway = Gateway::start().await;
    let id = gateway.client.enqueue(&later(analysis())).await;
    gateway.client.execution_that(&id, "succeeded").await;
    let path = format!("{EXECUTIONS}/{id}");
    let first = gateway.client.get(&path).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let ask = async |known: &str| {
        let request = gateway.client.request(Method::GET, &path).header("if-none-match", known);
        gateway.client.send(request).await
    };
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let same = ask(&known).await;
        assert_eq!((same.status, same.text(), same.header("etag")), (304, "", &*tag), "{known}");
    }
    assert_eq!(ask("\"x\"").await.status, 200);
    gateway.stop().await;
}
