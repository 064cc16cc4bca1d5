//! `Idempotency-Key`: one execution, however often its request is sent.

use integridai_gateway::demo::Failure;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client, EXECUTE};
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, UPDATE, analysis, later, training};
use crate::support::within;

async fn send(client: &Client, key: &str, request: &Value) -> Answer {
    let request = client.request(Method::POST, EXECUTE).header("idempotency-key", key).json(request);
    client.send(request).await
}

const KEY: &str = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"";

#[tokio::test]
async fn the_same_request_again_is_answered_the_same_and_done_once() {
    let gateway = Gateway::start().await;
    let first = send(&gateway.client, KEY, &analysis()).await;
    let again = send(&gateway.client, KEY, &analysis()).await;
    assert_eq!((first.ok(), first.header("idempotent-replayed")), (again.ok(), ""));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(first.json()["dashboard_updated"], true, "{first:?}");
    assert_eq!(gateway.regtech().control().report().total(ANALYZE), 1);
    assert_eq!(gateway.dashboard().control().report().applied, 1);

    let accepted = send(&gateway.client, "later", &later(training())).await;
    let repeated = send(&gateway.client, "later", &later(training())).await;
    assert_eq!((accepted.status, repeated.status), (202, 202));
    assert_eq!(
        (accepted.json(), accepted.header("location")),
        (repeated.json(), repeated.header("location"))
    );
    assert_eq!(repeated.header("idempotent-replayed"), "true");
    gateway.stop().await;
}

#[tokio::test]
async fn a_failure_is_replayed_too() {
    let gateway = Gateway::start().await;
    let control = gateway.dashboard().control();
    control.fail(Failure::error(http::StatusCode::BAD_REQUEST).on(UPDATE));
    let first = send(&gateway.client, KEY, &training()).await;
    control.heal();
    let again = send(&gateway.client, KEY, &training()).await;
    let (first, again) =
        (first.failure(502, Some("training_sync")), again.failure(502, Some("training_sync")));
    assert_eq!((&first["detail"], &first["workflow_id"]), (&again["detail"], &again["workflow_id"]));
    assert_eq!(gateway.dashboard().control().report().applied, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn the_key_of_another_payload_is_422_and_one_that_is_none_400() {
    let gateway = Gateway::start().await;
    send(&gateway.client, KEY, &analysis()).await.ok();
    let refused = send(&gateway.client, KEY, &training()).await.failure(422, Some("training_sync"));
    assert_eq!(refused["detail"], "this Idempotency-Key was used for another payload");
    for malformed in ["\"", "a b", "\"a\", \"b\"", "\"\""] {
        send(&gateway.client, malformed, &analysis()).await.failure(400, None);
    }
    assert_eq!(gateway.rows("SELECT id FROM executions").len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_key_whose_request_is_being_served_is_409_and_the_client_that_left_finds_its_answer() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::slow(std::time::Duration::from_secs(1)).on(ANALYZE).times(1));
    let client = gateway.client.clone();
    let leaves = tokio::spawn(async move { send(&client, KEY, &analysis()).await });
    within(control.wait_until(|report| report.in_flight == 1)).await;
    let busy = send(&gateway.client, KEY, &analysis()).await;
    busy.failure(409, Some("complete_analysis"));
    assert_eq!((busy.header("retry-after"), busy.header("idempotent-replayed")), ("1", ""));
    leaves.abort();
    let id = busy.json()["workflow_id"].as_str().expect("an id").to_owned();
    gateway.client.execution_that(&id, "succeeded").await;
    let found = send(&gateway.client, KEY, &analysis()).await.ok();
    assert_eq!(found["workflow_id"], id.as_str());
    assert_eq!(gateway.regtech().control().report().total(ANALYZE), 1, "it was not done again");
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_was_wrong_leaves_its_key_free() {
    let gateway = Gateway::start().await;
    let wrong = json!({"workflow": "complete_analysis", "payload": {}});
    send(&gateway.client, KEY, &wrong).await.failure(422, Some("complete_analysis"));
    send(&gateway.client, KEY, &analysis()).await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn keys_are_ones_own_and_their_number_is_bounded() {
    let guarded = Guarded::with(&[("EXECUTIONS__MAX_KEYS_PER_PRINCIPAL", "1")]).await;
    let client = &guarded.gateway.client;
    let ask = async |subject: &str, key: &str| {
        let mut claims = claims("workflows:execute");
        claims["sub"] = json!(subject);
        let request = client.request(Method::POST, EXECUTE).bearer_auth(signed(&claims));
        client.send(request.header("idempotency-key", key).json(&later(training()))).await
    };
    let (ann, bob) = (ask("ann", KEY).await, ask("bob", KEY).await);
    assert_eq!((ann.status, bob.status), (202, 202));
    assert_ne!(ann.json()["workflow_id"], bob.json()["workflow_id"]);
    let full = ask("ann", "another").await;
    full.failure(429, Some("training_sync"));
    assert_eq!(full.header("retry-after"), "60");
    assert_eq!(ask("ann", KEY).await.header("idempotent-replayed"), "true");
    guarded.gateway.stop().await;
}
