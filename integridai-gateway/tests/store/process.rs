//! One process per file, however the last one ended.
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use integridai_gateway::store::{Store, StoreError, StoreOptions};

use crate::samples::{PATIENCE, claim, folder, new_now, open};

const CRASH_FILE: &str = "STORE_TEST_CRASH_FILE";
const CRASH_TEST: &str = "process::a_killed_process_loses_nothing_it_promised_and_leaves_the_file_free";

#[tokio::test]
async fn a_killed_process_loses_nothing_it_promised_and_leaves_the_file_free() {
    if let Some(path) = std::env::var_os(CRASH_FILE) {
        return be_the_victim(Path::new(&path)).await;
    }
    let (_folder, path) = folder();
    let mut victim = start_victim(&path);
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.into_iter().any(|line| line == "ready"), "the other process never became ready");
    let error = Store::open(StoreOptions::new(&path)).unwrap_err();
    assert!(matches!(&error, StoreError::Locked { path: locked } if *locked == path), "{error:?}");
    victim.kill().unwrap();
    victim.wait().unwrap();

    let store = open(&path);
    assert_eq!(store.queued_executions().await.unwrap(), 2);
    assert_eq!(store.requeue_running().await.unwrap(), 1);
    assert_eq!(store.queued_executions().await.unwrap(), 3);
    let again = claim(&store).await.unwrap();
    assert_eq!(again.attempts, 2, "the oldest was running, and this is its second run");
    store.close(PATIENCE).await.unwrap();
}

fn start_victim(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test is a file"))
        .args(["--exact", CRASH_TEST, "--nocapture"])
        .env(CRASH_FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test can be started once more")
}

async fn be_the_victim(path: &Path) {
    let store = open(path);
    for _ in 0..3 {
        store.accept_execution(new_now()).await.expect("it is stored");
    }
    claim(&store).await.expect("three are waiting");
    let ready = "\nready\n";
    std::io::Write::write_all(&mut std::io::stdout(), ready.as_bytes()).expect("somebody reads");
    // Ends with the process that started this one, should nobody kill it.
    std::io::stdin().lines().for_each(drop);
}

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused_until_the_first_is_closed() {
    let (_folder, path) = folder();
    let first = open(&path);
    let error = Store::open(StoreOptions::new(&path)).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("gateway.db"), "{error}");
    first.close(PATIENCE).await.unwrap();
    open(&path).close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_an_error_and_not_made() {
    let (folder, _) = folder();
    let path = folder.path().join("missing").join("gateway.db");
    let error = Store::open(StoreOptions::new(&path)).unwrap_err();
    assert!(matches!(error, StoreError::MissingFolder { .. }), "{error:?}");
    assert!(!path.parent().unwrap().exists());
}
