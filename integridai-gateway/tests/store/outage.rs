//! A PostgreSQL that goes away and comes back, and stores that share one.
use std::collections::HashSet;
use std::time::Duration;

use integridai_gateway::store::{ClaimRules, PostgresOptions, Store, StoreError, StoreOptions, Table};
use tokio::task::JoinSet;

use crate::homes::{Home, server_options, shared};
use crate::samples::{PATIENCE, call, claim, event, new_now, success, until};
use crate::support::postgres::Postgres;

fn options(url: &str) -> PostgresOptions {
    server_options(url, &StoreOptions::new("unused"))
}

/// Ends every connection to the database but the one that asks.
fn cut_off(url: &str) {
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    shared(|server| server.query(url.rsplit('/').next().expect("a database"), ended));
}

#[tokio::test]
async fn while_the_server_is_down_rows_wait_and_commands_say_so_and_all_goes_on_when_it_is_back() {
    let mut server = Postgres::start();
    let store = Store::connect(options(&server.create_database("gateway"))).await.unwrap();
    let execution = new_now();
    store.accept_execution(execution.clone()).await.unwrap();
    store.record_api_call(call("/before"));
    store.flush().await.unwrap();

    server.stop();
    let refused = store.accept_execution(new_now()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the database cannot be reached");
    let unread = store.execution(execution.id).await.unwrap_err();
    assert_eq!(unread.to_string(), "the database cannot be reached");
    assert!(store.ping().await.is_err() && !store.health().healthy);
    (0..500).for_each(|_| store.record_api_call(call("/during")));
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { rows: 500 }));
    assert_eq!(store.health().last_error.as_deref(), Some("the database cannot be reached"));

    server.start_again();
    until("the write", async || store.health().written_rows == 501).await;
    until("the recovery", async || store.ping().await.is_ok() && store.health().healthy).await;
    assert_eq!(store.recent_api_calls(1_000).await.unwrap().len(), 501);
    let claimed = claim(&store).await.expect("it has survived");
    store.finish_execution(claimed.lease(), success("1"), Vec::new()).await.unwrap();
    store.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_outage_that_nothing_was_written_in_is_over_without_any_traffic() {
    let mut server = Postgres::start();
    let store = Store::connect(options(&server.create_database("gateway"))).await.unwrap();
    server.stop();
    assert!(store.claim_execution(&ClaimRules::new("test")).await.is_err());
    assert!(!store.health().healthy);
    server.start_again();
    until("the recovery", async || store.health().healthy).await;
}

#[tokio::test]
async fn closing_while_the_server_is_down_ends_at_the_deadline_and_says_what_is_lost() {
    let mut server = Postgres::start();
    let store = Store::connect(options(&server.create_database("gateway"))).await.unwrap();
    server.stop();
    (0..3).for_each(|_| store.record_api_call(call("/lost")));
    let error = store.close(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsaved { rows: 3 }), "{error:?}");
    until("the count of the loss", async || store.dropped_rows(Table::ApiCallsLog) == 3).await;
}

#[tokio::test]
async fn a_start_waits_for_a_server_that_is_not_there_yet_and_then_gives_up() {
    let mut server = Postgres::start();
    let url = server.create_database("gateway");
    server.stop();
    let hurried = PostgresOptions { start_timeout: Duration::from_millis(300), ..options(&url) };
    let error = Store::connect(hurried).await.unwrap_err();
    assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
    let patient = tokio::spawn(Store::connect(options(&url)));
    server.start_again();
    patient.await.unwrap().expect("it was waited for").ping().await.unwrap();
}

#[tokio::test]
async fn connections_that_are_cut_fail_no_read_no_acceptance_and_no_row() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let store = Store::connect(options(&url)).await.unwrap();
    let mut accepted = HashSet::new();
    for round in 1..=20 {
        let execution = new_now();
        store.record_event(event(&execution.request));
        store.accept_execution(execution.clone()).await.unwrap();
        accepted.insert(execution.id);
        cut_off(&url);
        assert!(store.execution(execution.id).await.unwrap().is_some());
        cut_off(&url);
        assert_eq!(store.queued_executions().await.unwrap(), round);
        until("the rows", async || store.flush().await.is_ok()).await;
    }
    assert_eq!(store.recent_events(100).await.unwrap().len(), 20);
    assert_eq!(store.health().dropped_rows, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_share_a_database_claim_each_execution_once() {
    let home = Home::postgres().await;
    let stores = [home.open().await, home.open().await, home.open().await];
    for _ in 0..150 {
        stores[0].accept_execution(new_now()).await.unwrap();
    }
    let mut claimers = JoinSet::new();
    for store in stores.iter().chain(&stores) {
        let store = store.clone();
        claimers.spawn(async move {
            let mut mine = Vec::new();
            while let Some(execution) = claim(&store).await {
                store.finish_execution(execution.lease(), success("1"), Vec::new()).await.unwrap();
                mine.push(execution.id);
            }
            mine
        });
    }
    let claimed = claimers.join_all().await.concat();
    assert_eq!(claimed.len(), 150);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>().len(), 150);
    assert_eq!(stores[1].queued_executions().await.unwrap(), 0);
}

#[tokio::test]
async fn rows_of_a_table_that_is_missing_wait_and_let_those_of_others_pass() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let store = Store::connect(options(&url)).await.unwrap();
    let query = |statement: &str| {
        shared(|server| server.query(url.rsplit('/').next().expect("a database"), statement))
    };
    query("ALTER TABLE api_calls_log RENAME TO elsewhere");
    store.record_api_call(call("/waits"));
    store.record_event(event(&new_now().request));
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { rows: 1 }));
    assert_eq!(store.recent_events(10).await.unwrap().len(), 1);
    assert_eq!(store.ping().await.unwrap_err().to_string(), "a table of the database is missing");
    query("ALTER TABLE elsewhere RENAME TO api_calls_log");
    until("the write", async || store.health().written_rows == 2).await;
    assert_eq!(store.health().dropped_rows, 0);
}
