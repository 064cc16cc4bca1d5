//! Events that start workflows, each once, and loops that end.

use std::time::Duration;

use http::Method;
use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{DEMO_SESSION, SimulatorOptions, Simulators};
use integridai_gateway::orchestration::{NotTriggered, Queue, TriggerEvent, Triggered, Triggers, Workflows};
use integridai_gateway::store::{JsonText, Store};
use integridai_tower::CorrelationId;
use serde_json::json;
use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::queue::{config, queue, store};
use crate::support::requests::provider;
use crate::support::stream::EVENTS;
use crate::support::until;

const TYPES: &str = r#"{"training.completed" = "training_sync", "provider.updated" = "complete_analysis"}"#;

struct Scene {
    triggers: Triggers,
    queue: Queue,
    store: Store,
    services: Simulators,
    _folder: TempDir,
}

impl Scene {
    fn set() -> Self {
        let services = Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(folder.path());
        let config =
            config(&services, &[("TRIGGERS__WORKFLOWS", TYPES), ("TRIGGERS__MAX_PER_CORRELATION", "3")]);
        let queue = queue(&config, &store);
        let workflows = Workflows::new(config.workflows.clone());
        let day = Duration::from_secs(86_400);
        let triggers = Triggers::new(&config.triggers, workflows, queue.clone(), store.clone(), day);
        Self { triggers: triggers.expect("they are there"), queue, store, services, _folder: folder }
    }
}

fn event<'a>(id: &'a str, event_type: &'a str, data: &'a JsonText) -> TriggerEvent<'a> {
    TriggerEvent {
        id,
        source: "flaisimulator",
        event_type,
        data,
        correlation_id: None,
        user_id: None,
        depth: 0,
    }
}

#[tokio::test]
async fn an_event_of_each_type_starts_its_workflow_once() {
    let scene = Scene::set();
    scene.queue.start(2);
    let (session, provider) = (
        JsonText::from(json!({"session_id": DEMO_SESSION, "user_id": "user-7"})),
        JsonText::from(json!({"provider": provider()})),
    );
    for (id, event_type, data) in
        [("1", "training.completed", &session), ("2", "provider.updated", &provider)]
    {
        let event = TriggerEvent { user_id: Some("user-7"), ..event(id, event_type, data) };
        let Ok(Triggered::Started(started)) = scene.triggers.on_event(&event).await else { panic!("{id}") };
        let again = scene.triggers.on_event(&event).await.expect("it is known");
        assert_eq!(again, Triggered::Before(started));
        let ended = scene.queue.wait(started, Duration::from_secs(20)).await.expect("the store works");
        let ended = ended.expect("it is there");
        assert_eq!(ended.state.as_str(), "succeeded", "{ended:?}");
        assert_eq!(ended.user_id.as_deref(), Some("user-7"));
        let cause = json!({"source": "flaisimulator", "id": id, "type": event_type, "depth": 1});
        assert_eq!(ended.request.decode::<serde_json::Value>().expect("JSON")["trigger"], cause);
    }
    let nothing = scene.triggers.on_event(&event("3", "session.started", &session)).await;
    assert_eq!(nothing.expect("it is for nobody"), Triggered::Nothing);
    assert_eq!(scene.services.dashboard.control().report().applied, 2);
    scene.queue.drain(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_loop_ends_by_its_depth_and_by_its_correlation_id() {
    let scene = Scene::set();
    let data = JsonText::from(json!({"session_id": DEMO_SESSION}));
    let id: CorrelationId = "loop-1".parse().expect("an id");
    let ask = async |number: u32, depth| {
        let name = number.to_string();
        let event = event(&name, "training.completed", &data);
        scene.triggers.on_event(&TriggerEvent { correlation_id: Some(&id), depth, ..event }).await
    };
    assert!(matches!(ask(0, 4).await, Err(NotTriggered::TooDeep(4))));
    for number in 1..=3 {
        assert!(matches!(ask(number, 3).await, Ok(Triggered::Started(_))), "{number}");
    }
    assert!(matches!(ask(4, 0).await, Err(NotTriggered::TooMany(3))), "it never said how deep it is");
    assert_eq!(scene.store.queued_executions().await.expect("the store works"), 3);
}

#[tokio::test]
async fn data_that_is_no_payload_starts_nothing_and_says_why() {
    let scene = Scene::set();
    for data in [json!({"cuit": 7}), json!([]), json!("x")] {
        let data = JsonText::from(data);
        let refused = scene.triggers.on_event(&event("1", "provider.updated", &data)).await;
        let Err(NotTriggered::Invalid { invalid, .. }) = refused else { panic!("{refused:?}") };
        assert!(invalid.errors.iter().all(|error| error.pointer.starts_with("/payload")), "{invalid:?}");
    }
    assert_eq!(scene.store.queued_executions().await.expect("the store works"), 0);
}

#[tokio::test]
async fn a_trigger_for_a_workflow_that_there_is_not_keeps_the_gateway_from_starting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = [
        ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("INTEGRIDAI_AUTH__DISABLED", "true".to_owned()),
        ("INTEGRIDAI_DATABASE__PATH", folder.path().join("gateway.db").display().to_string()),
        ("INTEGRIDAI_TRIGGERS__WORKFLOWS", r#"{"x" = "training_sink"}"#.to_owned()),
    ];
    let config =
        Config::load(None, settings.map(|(key, value)| (key.to_owned(), value))).expect("it is read");
    let error = App::build(config).await.expect_err("it cannot be");
    assert!(error.is_configuration(), "{error:?}");
    assert_eq!(
        error.to_string(),
        "triggers.workflows.\"x\": there is no workflow \"training_sink\"; there are complete_analysis, training_sync, metrics_update"
    );
}

#[tokio::test]
async fn an_event_that_is_published_starts_its_workflow_once_and_one_that_cannot_is_published_all_the_same() {
    let gateway = Gateway::with(&[("TRIGGERS__WORKFLOWS", TYPES)]).await;
    let publish = async |id: &str, data: serde_json::Value| {
        let event = json!({"type": "training.completed", "source": "flaisimulator", "id": id, "data": data});
        let answer = gateway.client.send(gateway.client.request(Method::POST, EVENTS).json(&event)).await;
        (answer.status, answer.json()["events"][0]["workflow_id"].clone())
    };
    let session = json!({"session_id": DEMO_SESSION, "user_id": "user-7"});
    let (status, started) = publish("1", session.clone()).await;
    assert_eq!(status, 202);
    let path = format!("/api/v1/gateway/executions/{}", started.as_str().expect("an id"));
    until("the end of the execution", async || {
        (gateway.client.get(&path).await.ok()["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(publish("1", session).await, (200, started));
    assert_eq!(publish("2", json!("no session")).await, (202, serde_json::Value::Null));
    let log = gateway.client.get("/api/v1/events?type=training.completed").await.ok();
    assert_eq!(log["events"].as_array().expect("a list").len(), 2, "{log}");
    gateway.stop().await;
}
