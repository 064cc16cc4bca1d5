//! Callers of one name whom two issuers vouch for, and what is whose.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, EXECUTE, EXECUTIONS};
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::requests::{later, training};
use crate::support::stream::{EVENTS, STREAM, Stream};

const ISSUERS: &str = r#"{
    one = {issuer = "https://id.test", audience = ["integridai-gateway"], secret = "0123456789abcdef0123456789abcdef"},
    other = {issuer = "https://other.test", audience = ["integridai-gateway"], secret = "0123456789abcdef0123456789abcdef"}}"#;

const OTHER: &str = "https://other.test";

async fn start(settings: &[(&str, &str)]) -> Guarded {
    Guarded::with(&[&[("AUTH__ISSUERS", &*ISSUERS.replace('\n', " "))], settings].concat()).await
}

fn token(issuer: &str, subject: &str) -> String {
    let mut claims = claims("workflows:execute events:read events:write");
    (claims["iss"], claims["sub"]) = (json!(issuer), json!(subject));
    signed(&claims)
}

fn anns() -> [String; 2] {
    ["https://id.test", OTHER].map(|issuer| token(issuer, "ann"))
}

async fn post(guarded: &Guarded, token: &str, event: &Value) -> Answer {
    let client = &guarded.gateway.client;
    client.send(client.request(Method::POST, EVENTS).bearer_auth(token).json(event)).await
}

async fn get(guarded: &Guarded, token: &str, path: &str) -> Answer {
    let client = &guarded.gateway.client;
    client.send(client.request(Method::GET, path).bearer_auth(token)).await
}

#[tokio::test]
async fn executions_and_idempotency_keys_are_those_of_one_of_them() {
    let guarded = start(&[]).await;
    let client = &guarded.gateway.client;
    let mut ids = Vec::new();
    for ann in anns() {
        let request = client.request(Method::POST, EXECUTE).bearer_auth(&ann).json(&later(training()));
        let accepted = client.send(request.header("idempotency-key", "same")).await;
        assert_eq!((accepted.status, accepted.header("idempotent-replayed")), (202, ""));
        ids.push(accepted.json()["workflow_id"].as_str().expect("an id").to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    for (ann, (own, foreign)) in anns().iter().zip([(&ids[0], &ids[1]), (&ids[1], &ids[0])]) {
        let listed = get(&guarded, ann, EXECUTIONS).await.ok();
        assert_eq!(listed["executions"].as_array().expect("a list").len(), 1, "{listed}");
        assert_eq!(get(&guarded, ann, &format!("{EXECUTIONS}/{own}")).await.ok()["user_id"], "ann");
        get(&guarded, ann, &format!("{EXECUTIONS}/{foreign}")).await.problem(404);
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn an_event_of_a_user_reaches_that_of_the_right_issuer() {
    let guarded = start(&[]).await;
    let [one, other] = anns();
    let mut streams = Vec::new();
    for ann in [&one, &other] {
        let request = guarded.gateway.client.request(Method::GET, &format!("{STREAM}?topics=user:ann,end"));
        streams.push(Stream::open(request.bearer_auth(ann)).await);
    }
    for (user_issuer, data) in [(None, 1), (Some(OTHER), 2)] {
        let event = json!({"type": "note", "source": "s", "user_id": "ann", "user_issuer": user_issuer, "data": data});
        assert_eq!(post(&guarded, &token("https://id.test", "publisher"), &event).await.status, 202);
    }
    post(&guarded, &one, &json!({"type": "end", "source": "s", "data": "end"})).await;
    for (ann, (stream, number)) in [&one, &other].into_iter().zip(streams.iter_mut().zip([1, 2])) {
        let told = [stream.next().await.1["data"].clone(), stream.next().await.1["data"].clone()];
        assert_eq!(told, [json!(number), json!("end")]);
        for query in ["?type=note", "?user_id=ann"] {
            let log = get(&guarded, ann, &format!("{EVENTS}{query}")).await.ok();
            let data: Vec<&Value> =
                log["events"].as_array().expect("a list").iter().map(|event| &event["data"]).collect();
            assert_eq!(data, [&json!(number)], "{query}: {log}");
        }
    }
    drop(streams);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn what_an_event_starts_is_its_publishers_and_tells_the_user_it_is_for() {
    let types = ("TRIGGERS__WORKFLOWS", r#"{"training.completed" = "training_sync"}"#);
    let guarded = start(&[types]).await;
    let [one, other] = anns();
    let request = guarded.gateway.client.request(Method::GET, &format!("{STREAM}?topics=user:ann"));
    let mut stream = Stream::open(request.bearer_auth(&other)).await;
    let data = training()["payload"].take();
    let event = json!({"type": "training.completed", "source": "s", "user_id": "ann", "user_issuer": OTHER, "data": data});
    let published = post(&guarded, &one, &event).await.json();
    let path = format!("{EXECUTIONS}/{}", published["events"][0]["workflow_id"].as_str().expect("an id"));
    get(&guarded, &one, &path).await.ok();
    get(&guarded, &other, &path).await.problem(404);
    assert_eq!(stream.next().await.1["type"], "training.completed");
    assert_eq!(stream.next().await.1["type"], "training_progress");
    drop(stream);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_source_is_its_publishers_and_under_any_other_ids_are_each_publishers_own() {
    let sources = r#"{"flai" = [{subject = "flai", issuer = "https://id.test"}]}"#;
    let guarded = start(&[("EVENTS__SOURCES", sources)]).await;
    let (flai, namesake) = (token("https://id.test", "flai"), token(OTHER, "flai"));
    let event = |source: &str| json!({"type": "note", "source": source, "id": "1", "data": {}});
    let refused = post(&guarded, &namesake, &event("flai")).await;
    assert_eq!(refused.problem(403)["detail"], "events of this source are published by others");
    for (token, source, status) in [
        (&flai, "flai", 202),
        (&flai, "flai", 200),
        (&namesake, "free", 202),
        // Nobody has this one passed over as known by being first.
        (&flai, "free", 202),
        (&namesake, "free", 200),
        (&flai, "free", 200),
    ] {
        assert_eq!(post(&guarded, token, &event(source)).await.status, status, "{source}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn where_sources_have_to_be_named_any_other_is_refused() {
    let guarded = start(&[("EVENTS__OTHER_SOURCES", "nobody")]).await;
    let [ann, _] = anns();
    post(&guarded, &ann, &json!({"type": "note", "source": "free"})).await.problem(403);
    guarded.gateway.stop().await;
}
