//! Stores and rows to test with.
use std::path::{Path, PathBuf};
use std::time::Duration;

use integridai_gateway::store::{
    ApiCall, ClaimRules, Execution, Finished, JsonText, NewExecution, Outcome, Priority, Store, StoreOptions,
    SystemEvent,
};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("gateway.db");
    (folder, path)
}

pub(crate) fn open(path: &Path) -> Store {
    open_with(StoreOptions::new(path))
}

pub(crate) fn open_with(options: StoreOptions) -> Store {
    Store::open(options).expect("the store opens")
}

/// Another program with the same file open, which waits for its turn.
pub(crate) fn other_program(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("the file can be opened");
    connection.busy_timeout(PATIENCE).expect("a wait can be set");
    connection
}

pub(crate) fn new_execution(priority: Priority, created_at: OffsetDateTime) -> NewExecution {
    NewExecution {
        id: Uuid::now_v7(),
        workflow: "complete_analysis".to_owned(),
        priority,
        request: JsonText::from(serde_json::json!({"cuit": "30-12345678-9"})),
        correlation_id: Some("c-1".to_owned()),
        user_id: None,
        principal: String::new(),
        timeout_ms: 3_600_000,
        created_at,
        run_at: created_at,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    }
}

/// Claims whatever comes next.
pub(crate) async fn claim(store: &Store) -> Option<Execution> {
    store.claim_execution(&ClaimRules::new("test")).await.expect("the store works")
}

pub(crate) fn new_now() -> NewExecution {
    new_execution(Priority::Normal, OffsetDateTime::now_utc())
}

pub(crate) fn success(result: &str) -> Finished {
    let json = |text| JsonText::parse(text).expect("this is JSON");
    Finished {
        outcome: Outcome::Succeeded { result: json(result) },
        steps: Some(json(r#"[{"step":"regtech"}]"#)),
        finished_at: OffsetDateTime::now_utc(),
    }
}

pub(crate) fn call(endpoint: &str) -> ApiCall {
    ApiCall {
        id: Uuid::now_v7(),
        endpoint: endpoint.to_owned(),
        method: "GET".to_owned(),
        status_code: 200,
        response_time_ms: 3,
        request_size: None,
        response_size: Some(42),
        timestamp: OffsetDateTime::now_utc(),
    }
}

pub(crate) fn event(payload: &JsonText) -> SystemEvent {
    SystemEvent {
        id: Uuid::now_v7(),
        event_type: "metrics_update".to_owned(),
        service_name: "gateway".to_owned(),
        payload: payload.clone(),
        timestamp: OffsetDateTime::now_utc(),
        correlation_id: None,
        user_id: None,
        event_id: None,
        owner: None,
        publisher: String::new(),
    }
}

/// As the gateway would have made it at that moment.
pub(crate) fn id_of(moment: OffsetDateTime) -> Uuid {
    let seconds = moment.unix_timestamp().unsigned_abs();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, moment.nanosecond()))
}

/// Looks again and again until it is so, and fails when that takes too long.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}
