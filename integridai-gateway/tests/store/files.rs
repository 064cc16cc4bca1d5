//! Files that are removed, replaced or changed while they are open: nothing is promised that would be lost.
use std::fs;
use std::path::{Path, PathBuf};

use integridai_gateway::store::{Store, StoreError};

use crate::samples::{call, folder, new_now, open, other_program, until};

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn refuses(store: &Store, reason: &str) {
    let refused = store.accept_execution(new_now()).await.expect_err("nothing is accepted");
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
    assert_eq!(refused.to_string(), reason);
    assert!(!store.health().healthy);
    assert_eq!(store.health().last_error.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_ping_notices_a_file_that_is_gone_without_any_traffic() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.ping().await.unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(store.ping().await.unwrap_err().to_string(), "the database file is gone");
    assert!(!store.health().healthy);
    assert_eq!(store.health().last_error.as_deref(), Some("the database file is gone"));
}

#[tokio::test]
async fn nothing_is_accepted_into_a_file_that_is_gone_and_rows_wait_until_it_is_moved_back() {
    let (_folder, path) = folder();
    let store = open(&path);
    let aside = beside(&path, ".aside");
    fs::rename(&path, &aside).unwrap();
    refuses(&store, "the database file is gone").await;
    store.record_api_call(call("/waits"));
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { rows: 1 }));

    fs::rename(&aside, &path).unwrap();
    until("the recovery", async || store.health().healthy && store.health().buffered_rows == 0).await;
    store.ping().await.unwrap();
    assert_eq!(store.recent_api_calls(10).await.unwrap().len(), 1);
    store.accept_execution(new_now()).await.unwrap();
    assert_eq!(store.queued_executions().await.unwrap(), 1, "what was refused was not kept");
}

#[tokio::test]
async fn a_file_that_was_replaced_by_a_copy_is_not_written_to() {
    let (_folder, path) = folder();
    let store = open(&path);
    let copy = beside(&path, ".copy");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    refuses(&store, "the database file was replaced by another").await;
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn a_write_ahead_log_that_is_gone_counts_as_much_as_the_file() {
    let (_folder, path) = folder();
    let store = open(&path);
    store.accept_execution(new_now()).await.unwrap();
    fs::remove_file(beside(&path, "-wal")).unwrap();
    refuses(&store, "the database's write-ahead log is gone").await;
}

#[tokio::test]
async fn a_table_that_is_missing_is_noticed_by_reads_pings_and_commands_until_it_is_back() {
    let (_folder, path) = folder();
    let store = open(&path);
    let reason = "a table of the database is missing";
    let other = other_program(&path);
    other.execute_batch("ALTER TABLE executions RENAME TO elsewhere").unwrap();
    assert_eq!(store.queued_executions().await.unwrap_err().to_string(), reason);
    assert!(!store.health().healthy, "a read tells");
    assert_eq!(store.ping().await.unwrap_err().to_string(), reason);
    refuses(&store, reason).await;
    other.execute_batch("ALTER TABLE elsewhere RENAME TO executions").unwrap();
    until("the recovery", async || store.ping().await.is_ok()).await;
    assert!(store.health().healthy);
    store.accept_execution(new_now()).await.unwrap();
}

#[tokio::test]
async fn rows_of_a_table_that_is_missing_wait_and_let_the_others_pass() {
    let (_folder, path) = folder();
    let store = open(&path);
    let other = other_program(&path);
    other.execute_batch("ALTER TABLE api_calls_log RENAME TO elsewhere").unwrap();
    store.record_api_call(call("/waits"));
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { rows: 1 }));
    assert!(!store.health().healthy);
    other.execute_batch("ALTER TABLE elsewhere RENAME TO api_calls_log").unwrap();
    until("the write", async || store.health().written_rows == 1).await;
    assert_eq!(store.health().dropped_rows, 0);
}
