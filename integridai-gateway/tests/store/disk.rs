//! Disks that are full, files that are held by others: nothing blocks, nothing is forgotten, all is told.
use std::path::Path;
use std::time::Duration;

use integridai_gateway::store::{
    ClaimRules, JsonText, Lease, NewExecution, StoreError, StoreOptions, SystemEvent, Table,
};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::samples::{PATIENCE, call, event, folder, new_now, open_with, other_program, success, until};

#[tokio::test]
async fn while_the_disk_is_full_rows_wait_within_the_bound_and_are_written_when_there_is_room() {
    let (_folder, path) = folder();
    let bounded = StoreOptions { buffer_rows: 50, batch_rows: 10, ..StoreOptions::new(&path) };
    let store = open_with(StoreOptions { max_bytes: Some(512 * 1024), ..bounded });
    // What waits to be done is never removed to make room.
    while store.accept_execution(large_execution()).await.is_ok() {}
    while store.flush().await.is_ok() {
        store.record_event(event(&bulky(16_000)));
    }
    let health = store.health();
    assert_eq!(health.last_error.as_deref(), Some("the database or its disk is full"));
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Failed { .. }));
    assert!(!health.healthy);
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { .. }));

    (0..200).for_each(|_| store.record_api_call(call("/waits")));
    let health = store.health();
    assert!((1..=50).contains(&health.buffered_rows), "{health:?}");
    assert!(store.dropped_rows(Table::ApiCallsLog) >= 100, "{health:?}");
    let refused = store.accept_execution(large_execution()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");

    make_room(&path);
    until("the recovery", async || store.health().healthy && store.health().buffered_rows == 0).await;
    assert!(!store.recent_api_calls(100).await.unwrap().is_empty(), "rows that waited are written");
    store.ping().await.unwrap();
    store.accept_execution(large_execution()).await.unwrap();
    store.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_does_not_fit_is_written_in_parts_and_a_row_that_never_fits_lets_the_others_pass() {
    let (_folder, path) = folder();
    let store = open_with(StoreOptions { max_bytes: Some(512 * 1024), ..StoreOptions::new(&path) });
    store.record_event(event(&bulky(1024 * 1024)));
    (0..10).for_each(|_| store.record_event(event(&bulky(16_000))));
    until("the write of the rest", async || store.health().written_rows == 10).await;
    store.record_event(event(&bulky(16_000)));
    until("the write of a later row", async || store.health().written_rows == 11).await;
    assert_eq!(store.health().buffered_rows, 1);
    assert_eq!(store.health().dropped_rows, 0);
    assert_eq!(store.health().pruned_rows, 0, "nothing gives way to what never fits");
}

#[tokio::test]
async fn in_a_file_that_is_full_the_oldest_rows_give_way_to_the_newest() {
    let (_folder, path) = folder();
    let store = open_with(StoreOptions { max_bytes: Some(1024 * 1024), ..StoreOptions::new(&path) });
    let waiting = new_now();
    store.accept_execution(waiting.clone()).await.unwrap();
    (0..20).for_each(|_| store.record_api_call(call("/old")));
    let dated = OffsetDateTime::now_utc() + Duration::from_secs(365 * 24 * 60 * 60);
    store.record_event(SystemEvent { timestamp: dated, ..event(&bulky(16_000)) });
    for _ in 0..300 {
        store.record_event(event(&bulky(16_000)));
        store.flush().await.expect("room is made without anybody's notice");
    }
    let newest = event(&bulky(16_000));
    store.record_event(newest.clone());
    store.flush().await.unwrap();

    let events = store.recent_events(1_000).await.unwrap();
    let health = store.health();
    assert_eq!(events[0].id, newest.id, "what claims to be newer has come earlier");
    assert!((20..60).contains(&events.len()), "{} are left, of 65 that would fit", events.len());
    assert_eq!(store.recent_api_calls(10).await.unwrap(), Vec::new(), "they were the oldest");
    assert_eq!(health.pruned_rows as usize, 322 - events.len());
    assert_eq!((health.healthy, health.last_error, health.dropped_rows), (true, None, 0));
    assert!(store.execution(waiting.id).await.unwrap().is_some());
    assert!(std::fs::metadata(&path).unwrap().len() <= 1024 * 1024);
    store.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn executions_that_ended_give_way_when_no_log_row_is_left_and_those_that_did_not_stay() {
    let (_folder, path) = folder();
    let store = open_with(StoreOptions { max_bytes: Some(1024 * 1024), ..StoreOptions::new(&path) });
    let mut ids = Vec::new();
    for _ in 0..30 {
        let execution = NewExecution { request: bulky(60_000), ..new_now() };
        ids.push(execution.id);
        until("its acceptance", async || store.accept_execution(execution.clone()).await.is_ok()).await;
        let rules = ClaimRules::new("test");
        until("its claim", async || store.claim_execution(&rules).await.is_ok()).await;
        let lease = Lease { id: execution.id, fence: 1 };
        until("its end", async || store.finish_execution(lease, success("1"), Vec::new()).await.is_ok())
            .await;
    }
    assert_eq!(store.execution(ids[0]).await.unwrap(), None, "the oldest gave way");
    assert!(store.execution(ids[29]).await.unwrap().is_some());
    assert!(store.health().pruned_rows > 0);
}

fn bulky(bytes: usize) -> JsonText {
    JsonText::from(serde_json::json!("x".repeat(bytes)))
}

fn large_execution() -> NewExecution {
    NewExecution { request: bulky(200_000), ..new_now() }
}

fn make_room(path: &Path) {
    other_program(path).execute("DELETE FROM executions", []).expect("rows can be removed");
}

#[tokio::test]
async fn a_command_that_fails_makes_the_store_unhealthy_until_a_probe_succeeds() {
    let (_folder, path) = folder();
    let store =
        open_with(StoreOptions { busy_timeout: Duration::from_millis(10), ..StoreOptions::new(&path) });
    store.ping().await.unwrap();
    let other = other_program(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.accept_execution(new_now()).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is held by another program");
    assert!(!store.health().healthy);
    other.execute_batch("ROLLBACK").unwrap();
    until("the recovery", async || store.health().healthy).await;
    store.ping().await.unwrap();
    assert_eq!(store.recent_events(10).await.unwrap(), Vec::new(), "a probe leaves nothing behind");
}

#[tokio::test]
async fn commands_beyond_the_bound_are_refused_as_busy_and_the_rest_are_done() {
    let (_folder, path) = folder();
    let options = StoreOptions { pending_commands: 4, busy_timeout: PATIENCE, ..StoreOptions::new(&path) };
    let store = open_with(options);
    let other = other_program(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        callers.spawn(async move { store.accept_execution(new_now()).await });
    }
    // At most one group of four is in the writer's hands, and one waits.
    for _ in 0..32 {
        let refused = callers.join_next().await.unwrap().unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::Busy), "{refused:?}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    let rest = callers.join_all().await;
    let stored = rest.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert!(stored >= 4, "only {stored} were stored");
    assert_eq!(store.queued_executions().await.unwrap(), stored);
}

#[tokio::test]
async fn closing_on_a_failing_disk_ends_at_the_deadline_and_says_what_is_lost() {
    let (_folder, path) = folder();
    let store = open_with(StoreOptions { busy_timeout: Duration::ZERO, ..StoreOptions::new(&path) });
    let other = other_program(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (0..3).for_each(|_| store.record_api_call(call("/lost")));
    let error = store.close(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsaved { rows: 3 }), "{error:?}");
    until("the count of the loss", async || store.dropped_rows(Table::ApiCallsLog) == 3).await;
}
