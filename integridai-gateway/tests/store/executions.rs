//! The queue: accepted durably, claimed in order, by one, and ended once.
use std::collections::HashSet;
use std::task::Poll;
use std::time::Duration;

use integridai_gateway::store::{
    ClaimRules, ExecutionState, Finished, JsonText, Lease, Outcome, Priority, StoreError,
};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::homes::on_both;
use crate::samples::{PATIENCE, claim, folder, new_execution, new_now, open, success, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_executions_accepted_at_once_are_all_there_after_a_power_cut() {
    let (folder, path) = folder();
    let store = open(&path);
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let (store, execution) = (store.clone(), new_now());
        callers.spawn(async move {
            let id = execution.id;
            store.accept_execution(execution).await.map(|()| id)
        });
    }
    let accepted: Vec<Uuid> = callers.join_all().await.into_iter().map(Result::unwrap).collect();

    // What a crash would leave: the files as they are now, without any goodbye.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    let survivor = open(&copy);
    assert_eq!(survivor.queued_executions().await.unwrap(), 500);
    for id in accepted {
        assert!(survivor.execution(id).await.unwrap().is_some());
    }
    store.close(PATIENCE).await.unwrap();
    survivor.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_id_can_be_accepted_once() {
    on_both(async |home| {
        let store = home.open().await;
        let execution = new_now();
        store.accept_execution(execution.clone()).await.unwrap();
        let error = store.accept_execution(execution).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict), "{error:?}");
        assert!(store.health().healthy, "a conflict says nothing about the disk");
        store.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn executions_are_claimed_by_priority_and_then_in_the_order_of_their_acceptance() {
    on_both(async |home| {
        let store = home.open().await;
        let now = OffsetDateTime::now_utc();
        let at = |priority, seconds: u64| new_execution(priority, now - Duration::from_secs(seconds));
        let (low, young, old) = (at(Priority::Low, 900), at(Priority::Normal, 1), at(Priority::Normal, 60));
        let (higher, high) = (at(Priority::High, 5), at(Priority::High, 0));
        let expected = [higher.id, high.id, old.id, young.id, low.id];
        for execution in [low, old, higher, young, high] {
            store.accept_execution(execution).await.unwrap();
        }
        for id in expected {
            let claimed = claim(&store).await.unwrap();
            assert_eq!((claimed.id, claimed.state, claimed.attempts), (id, ExecutionState::Running, 1));
            // The file keeps microseconds.
            assert!(claimed.started_at.unwrap() >= now - Duration::from_micros(1));
        }
        assert_eq!(claim(&store).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_claimers_never_get_the_same_execution() {
    on_both(async |home| {
        let store = home.open().await;
        for _ in 0..100 {
            store.accept_execution(new_now()).await.unwrap();
        }
        let mut claimers = JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            claimers.spawn(async move {
                let mut mine = Vec::new();
                while let Some(execution) = claim(&store).await {
                    mine.push(execution.id);
                }
                mine
            });
        }
        let claimed = claimers.join_all().await.concat();
        assert_eq!(claimed.len(), 100);
        assert_eq!(claimed.into_iter().collect::<HashSet<_>>().len(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_nobody_received_goes_back_to_the_queue() {
    on_both(async |home| {
        let store = home.open().await;
        let execution = new_now();
        let id = execution.id;
        store.accept_execution(execution).await.unwrap();

        let rules = ClaimRules::new("test");
        let mut claiming = Box::pin(store.claim_execution(&rules));
        std::future::poll_fn(|context| Poll::Ready(claiming.as_mut().poll(context).is_ready())).await;
        until("the claim", async || {
            store.execution(id).await.unwrap().unwrap().state == ExecutionState::Running
        })
        .await;
        // The answer lies ready, and is never taken.
        drop(claiming);

        let mut claimed = None;
        until("the return of the claim", async || {
            claimed = claim(&store).await;
            claimed.is_some()
        })
        .await;
        assert_eq!(claimed.unwrap().attempts, 1, "a claim that was given back is no attempt");
    })
    .await;
}

#[tokio::test]
async fn only_a_running_execution_can_be_changed_or_finished_and_only_once() {
    on_both(async |home| {
        let store = home.open().await;
        let execution = new_now();
        let id = execution.id;
        store.accept_execution(execution).await.unwrap();
        let early = store.finish_execution(Lease { id, fence: 1 }, success("1"), Vec::new()).await;
        assert!(matches!(early, Err(StoreError::LeaseLost)), "it is only queued: {early:?}");
        let lease = claim(&store).await.unwrap().lease();
        store.save_steps(lease, JsonText::parse("[1]").unwrap()).await.unwrap();
        assert_eq!(store.execution(id).await.unwrap().unwrap().steps.as_str(), "[1]");
        store.finish_execution(lease, success(r#"{"score":85.5}"#), Vec::new()).await.unwrap();
        let late = store.finish_execution(lease, success("2"), Vec::new()).await;
        assert!(matches!(late, Err(StoreError::LeaseLost)), "it has ended: {late:?}");
        assert!(store.save_steps(lease, JsonText::empty_list()).await.is_err());

        let read = store.execution(id).await.unwrap().unwrap();
        assert_eq!(read.state, ExecutionState::Succeeded);
        assert_eq!(read.result.unwrap().as_str(), r#"{"score":85.5}"#);
        assert_eq!(read.steps.as_str(), r#"[{"step":"regtech"}]"#);
        assert!(read.finished_at.is_some() && read.error.is_none());
        assert_eq!(store.execution(Uuid::nil()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_failed_execution_keeps_its_error_and_what_the_client_was_told() {
    on_both(async |home| {
        let store = home.open().await;
        store.accept_execution(new_now()).await.unwrap();
        let lease = claim(&store).await.unwrap().lease();
        let outcome = Outcome::Failed {
            error: JsonText::parse(r#"{"kind":"timeout"}"#).unwrap(),
            result: Some(JsonText::parse(r#"{"success":false}"#).unwrap()),
        };
        store.finish_execution(lease, Finished { outcome, ..success("0") }, Vec::new()).await.unwrap();
        let read = store.execution(lease.id).await.unwrap().unwrap();
        assert_eq!(read.state, ExecutionState::Failed);
        assert_eq!(read.error.unwrap().as_str(), r#"{"kind":"timeout"}"#);
        assert_eq!(read.result.unwrap().as_str(), r#"{"success":false}"#);
    })
    .await;
}
