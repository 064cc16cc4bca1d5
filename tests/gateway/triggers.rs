//! Events that start workflows, each once, and loops that end.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{DEMO_SESSION, SimulatorOptions, Simulators};
use integridai_gateway::orchestration::{NotTriggered, Queue, Triggered, Triggers, Workflows};
use integridai_gateway::store::{JsonText, Store, SystemEvent};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

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
        let triggers = Triggers::new(&config.triggers, workflows, queue.clone(), store.clone());
        Self { triggers: triggers.expect("they are there"), queue, store, services, _folder: folder }
    }
}

impl Scene {
    /// What came of one event.
    async fn publish(&self, event: SystemEvent) -> Triggered {
        let published = self.triggers.publish(vec![event], "").await.expect("there is room");
        published.into_iter().next().expect("one for each").1
    }

    async fn queued(&self) -> u64 {
        self.store.queued_executions().await.expect("the store works")
    }
}

fn event(id: &str, event_type: &str, data: Value) -> SystemEvent {
    SystemEvent {
        id: Uuid::now_v7(),
        event_type: event_type.to_owned(),
        service_name: "flaisimulator".to_owned(),
        payload: JsonText::from(data),
        timestamp: std::time::SystemTime::now().into(),
        correlation_id: None,
        user_id: None,
        event_id: Some(id.to_owned()),
        owner: None,
        publisher: String::new(),
    }
}

fn session() -> Value {
    json!({"session_id": DEMO_SESSION, "user_id": "user-7"})
}

#[tokio::test]
async fn an_event_of_each_type_starts_its_workflow_once() {
    let scene = Scene::set();
    scene.queue.start(2);
    let provider = json!({"provider": provider()});
    for (id, event_type, data) in
        [("1", "training.completed", session()), ("2", "provider.updated", provider)]
    {
        let event =
            || SystemEvent { user_id: Some("user-7".to_owned()), ..event(id, event_type, data.clone()) };
        let Triggered::Started(started) = scene.publish(event()).await else { panic!("{id}") };
        assert!(matches!(scene.publish(event()).await, Triggered::Before(before) if before == started));
        let ended = scene.queue.wait(started, Duration::from_secs(20)).await.expect("the store works");
        let ended = ended.expect("it is there");
        assert_eq!(ended.state.as_str(), "succeeded", "{ended:?}");
        assert_eq!(ended.user_id.as_deref(), Some("user-7"));
        let cause = json!({"source": "flaisimulator", "id": id, "type": event_type});
        assert_eq!(ended.request.decode::<Value>().expect("JSON")["trigger"], cause);
    }
    assert!(matches!(scene.publish(event("3", "session.started", session())).await, Triggered::Nothing));
    assert_eq!(scene.services.dashboard.control().report().applied, 2);
    scene.queue.drain(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_loop_ends_by_its_correlation_id_and_what_came_before_or_comes_together_is_none() {
    let scene = Scene::set();
    let of_it = |id: &str| SystemEvent {
        correlation_id: Some("loop-1".to_owned()),
        ..event(id, "training.completed", session())
    };
    let first = of_it("1");
    let id = first.id;
    assert!(matches!(scene.publish(first).await, Triggered::Started(started) if started == id));
    let together = scene.triggers.publish((2..=4).map(|id| of_it(&id.to_string())).collect(), "");
    for (_, triggered) in together.await.expect("there is room") {
        assert!(matches!(triggered, Triggered::Started(_)), "{triggered:?}");
    }
    let refused = scene.publish(of_it("5")).await;
    assert!(matches!(refused, Triggered::Refused(NotTriggered::TooMany(3))), "{refused:?}");
    let again = scene.publish(of_it("1")).await;
    assert!(matches!(again, Triggered::Before(before) if before == id), "{again:?}");
    assert_eq!(scene.queued().await, 4);
}

#[tokio::test]
async fn data_that_is_no_payload_starts_nothing_and_says_why() {
    let scene = Scene::set();
    for (id, data) in [json!({"cuit": 7}), json!([]), json!("x")].into_iter().enumerate() {
        let refused = scene.publish(event(&id.to_string(), "provider.updated", data)).await;
        let Triggered::Refused(NotTriggered::Invalid { invalid, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(invalid.errors.iter().all(|error| error.pointer.starts_with("/payload")), "{invalid:?}");
    }
    assert_eq!(scene.queued().await, 0);
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
    let publish = async |id: &str, data: Value| {
        let event = json!({"type": "training.completed", "source": "flaisimulator", "id": id, "data": data});
        let answer = gateway.client.send(gateway.client.request(Method::POST, EVENTS).json(&event)).await;
        let event = &answer.json()["events"][0];
        (answer.status, event["workflow_id"].clone(), event["not_started"].clone())
    };
    let (status, started, why_not) = publish("1", session()).await;
    assert_eq!((status, why_not), (202, Value::Null));
    let path = format!("/api/v1/gateway/executions/{}", started.as_str().expect("an id"));
    until("the end of the execution", async || {
        (gateway.client.get(&path).await.ok()["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(publish("1", session()).await, (200, started, Value::Null));
    let why = Value::from("the event's data is no payload of training_sync");
    assert_eq!(publish("2", json!("no session")).await, (202, Value::Null, why));
    let log = gateway.client.get("/api/v1/events?type=training.completed").await.ok();
    assert_eq!(log["events"].as_array().expect("a list").len(), 2, "{log}");
    gateway.stop().await;
}

#[tokio::test]
async fn all_events_of_a_batch_start_their_workflows_and_a_part_that_comes_again_starts_none() {
    let gateway = Gateway::with(&[("TRIGGERS__WORKFLOWS", TYPES)]).await;
    let publish = async |ids: std::ops::Range<u32>| {
        let event = |id: u32| {
            json!({"specversion": "1.0", "type": "training.completed", "source": "flaisimulator",
                "id": id.to_string(), "data": session()})
        };
        let batch = serde_json::to_vec(&ids.map(event).collect::<Vec<Value>>()).expect("JSON");
        let request = gateway.client.request(Method::POST, EVENTS).body(batch);
        let request = request.header("content-type", "application/cloudevents-batch+json");
        let answer = gateway.client.send(request).await.json();
        let events = answer["events"].as_array().unwrap_or_else(|| panic!("{answer}"));
        events
            .iter()
            .map(|event| event["workflow_id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let started = publish(0..40).await;
    assert_eq!(started.iter().collect::<BTreeSet<_>>().len(), 40);
    assert_eq!(publish(20..40).await, started[20..]);
    gateway.stop().await;
}

#[tokio::test]
async fn an_id_that_comes_again_with_another_type_is_the_event_that_is_known() {
    let gateway = Gateway::with(&[("TRIGGERS__WORKFLOWS", TYPES)]).await;
    let publish = async |event_type: &str, data: Value| {
        let event = json!({"type": event_type, "source": "flaisimulator", "id": "1", "data": data});
        let answer = gateway.client.send(gateway.client.request(Method::POST, EVENTS).json(&event)).await;
        (answer.status, answer.json()["events"][0]["workflow_id"].clone())
    };
    let (_, started) = publish("training.completed", session()).await;
    assert_eq!(publish("provider.updated", json!({"provider": provider()})).await, (200, started));
    gateway.stop().await;
}
