//! Rows that nobody waits for: batched, bounded, drained, pruned.
use std::time::Duration;

use integridai_gateway::store::{
    ApiCall, JsonText, MetricSample, NewExecution, Store, StoreError, StoreOptions, Table,
};
use time::OffsetDateTime;

use crate::homes::{Home, on_both};
use crate::samples::{PATIENCE, call, event, folder, new_now, open, open_with, other_program, until};

const NEVER: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn closing_writes_everything_and_nothing_is_taken_afterwards() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { flush_interval: NEVER, ..home.options() }).await;
        (0..2_500).for_each(|_| store.record_api_call(call("/a")));
        store.record_event(event(&JsonText::empty_list()));
        store.close(PATIENCE).await.unwrap();
        store.close(PATIENCE).await.unwrap();
        assert_eq!(store.health().written_rows, 2_501);
        assert!(matches!(store.ping().await.unwrap_err(), StoreError::Closed));
        assert!(matches!(store.accept_execution(new_now()).await.unwrap_err(), StoreError::Closed));
        assert!(matches!(store.flush().await.unwrap_err(), StoreError::Closed));
        store.record_api_call(call("/late"));
        assert_eq!(store.dropped_rows(Table::ApiCallsLog), 1);
        drop(store);
        let store = home.open().await;
        assert_eq!(store.recent_api_calls(u32::MAX).await.unwrap().len(), 2_500);
        assert_eq!(store.recent_events(10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_closed_file_is_one_plain_file() {
    let (_folder, path) = folder();
    let store = open_with(StoreOptions { flush_interval: NEVER, ..StoreOptions::new(&path) });
    (0..2_500).for_each(|_| store.record_api_call(call("/a")));
    store.record_event(event(&JsonText::empty_list()));
    store.close(PATIENCE).await.unwrap();
    assert!(!path.with_extension("db-wal").exists());
    let count = "SELECT (SELECT count(*) FROM api_calls_log) + (SELECT count(*) FROM system_events)";
    let rows: i64 = other_program(&path).query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2_501);
}

#[tokio::test]
async fn dropping_the_last_handle_does_not_wait_and_still_writes() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { flush_interval: NEVER, ..home.options() }).await;
        store.record_api_call(call("/a"));
        drop(store);
        let mut reopened = None;
        until("the release of the lock", async || {
            reopened = match home {
                Home::Sqlite(_) => Store::open(home.options()).ok(),
                Home::Postgres(_) => Some(home.open().await),
            };
            reopened.is_some()
        })
        .await;
        let reopened = reopened.unwrap();
        until("the write", async || reopened.recent_api_calls(10).await.unwrap().len() == 1).await;
    })
    .await;
}

#[tokio::test]
async fn rows_are_written_by_themselves_after_the_flush_interval() {
    on_both(async |home| {
        let store = home.open().await;
        let execution = NewExecution { workflow: "training_sync".to_owned(), ..new_now() };
        let id = execution.id;
        store.record_execution(execution.into());
        until("the write", async || store.execution(id).await.unwrap().is_some()).await;
        until("the settlement", async || store.health().buffered_rows == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_full_batch_is_written_without_waiting_for_the_interval() {
    on_both(async |home| {
        let options = StoreOptions { flush_interval: NEVER, batch_rows: 10, ..home.options() };
        let store = home.open_with(options).await;
        (0..25).for_each(|_| store.record_api_call(call("/a")));
        until("the write of two batches", async || store.health().written_rows == 20).await;
        assert_eq!(store.health().buffered_rows, 5);
        store.flush().await.unwrap();
        assert_eq!(store.health().written_rows, 25);
    })
    .await;
}

#[tokio::test]
async fn rows_beyond_the_bounds_are_dropped_and_counted_by_table() {
    on_both(async |home| {
        let bounded = StoreOptions { flush_interval: NEVER, ..home.options() };
        let store = home.open_with(StoreOptions { buffer_rows: 3, buffer_bytes: 10_000, ..bounded }).await;
        store.record_event(event(&JsonText::from(serde_json::json!("x".repeat(10_000)))));
        (0..5).for_each(|_| store.record_api_call(call("/a")));
        assert_eq!(store.dropped_rows(Table::SystemEvents), 1, "too many bytes");
        assert_eq!(store.dropped_rows(Table::ApiCallsLog), 2, "too many rows");
        let health = store.health();
        assert_eq!((health.buffered_rows, health.dropped_rows), (3, 3));
        store.flush().await.unwrap();
        store.record_api_call(call("/room-again"));
        assert_eq!(store.health().dropped_rows, 3);
    })
    .await;
}

#[tokio::test]
async fn a_row_the_database_refuses_is_counted_and_holds_nobody_back() {
    on_both(async |home| {
        let store = home.open().await;
        let twice = call("/twice");
        store.record_api_call(twice.clone());
        store.record_api_call(twice);
        let sample = |metric_value| MetricSample {
            metric_name: "score".to_owned(),
            metric_value,
            service: "regtech".to_owned(),
            timestamp: OffsetDateTime::now_utc(),
            metadata: None,
        };
        store.record_metrics(vec![sample(1.0), sample(f64::NAN), sample(2.0)]);
        store.record_api_call(call("/after"));
        store.flush().await.unwrap();
        assert_eq!(store.recent_api_calls(10).await.unwrap().len(), 2);
        assert_eq!(store.recent_metrics(10).await.unwrap().len(), 2);
        assert_eq!(store.dropped_rows(Table::ApiCallsLog), 1);
        assert_eq!(store.dropped_rows(Table::MetricsHistory), 1);
        let health = store.health();
        assert!(health.healthy);
        assert_eq!((health.written_rows, health.dropped_rows, health.buffered_rows), (4, 2, 0));
    })
    .await;
}

#[tokio::test]
async fn old_rows_are_pruned_when_the_store_is_opened() {
    on_both(async |home| {
        let store = home.open_with(StoreOptions { retention: Duration::MAX, ..home.options() }).await;
        for days in [1, 29, 31, 400] {
            let timestamp = OffsetDateTime::now_utc() - Duration::from_secs(days * 24 * 60 * 60);
            store.record_api_call(ApiCall { timestamp, ..call("/a") });
        }
        store.flush().await.unwrap();
        assert_eq!(store.recent_api_calls(10).await.unwrap().len(), 4);
        store.close(PATIENCE).await.unwrap();
        let store = home.open().await;
        until("the pruning", async || store.recent_api_calls(10).await.unwrap().len() == 2).await;
    })
    .await;
}

#[tokio::test]
async fn the_newest_rows_come_first_and_lists_are_limited() {
    on_both(async |home| {
        let store = home.open().await;
        let start = OffsetDateTime::now_utc();
        for age in 0..5 {
            let timestamp = start - Duration::from_secs(age);
            store.record_api_call(ApiCall { timestamp, ..call(&format!("/{age}")) });
        }
        store.flush().await.unwrap();
        let calls = store.recent_api_calls(3).await.unwrap();
        let endpoints: Vec<&str> = calls.iter().map(|call| call.endpoint.as_str()).collect();
        assert_eq!(endpoints, ["/0", "/1", "/2"]);
    })
    .await;
}

#[tokio::test]
async fn whichever_thread_ends_last_a_closed_store_is_one_file() {
    let (_folder, path) = folder();
    for round in 0..300 {
        let store = open(&path);
        store.ping().await.unwrap();
        store.close(PATIENCE).await.unwrap();
        assert!(!path.with_extension("db-wal").exists(), "after {round} rounds");
    }
}
