//! Stores that share a PostgreSQL: one log, one order of claims.
use std::time::Duration;

use integridai_gateway::store::{
    Appended, ClaimRules, EventFilter, EventRange, ExecutionState, JsonText, LoggedEvent, NewExecution,
    Priority, Store, StoreOptions, SystemEvent,
};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::homes::{Home, on_both, query, server_options, shared};
use crate::samples::{PATIENCE, claim, event, new_now, success};

fn plain() -> SystemEvent {
    event(&JsonText::empty_list())
}

async fn told(store: &Store, cursor: u64) -> u64 {
    let mut committed = store.committed_events();
    let waiting = committed.wait_for(|newest| *newest >= cursor);
    *tokio::time::timeout(PATIENCE, waiting).await.expect("it is told").expect("the store is open")
}

/// Follows the log at one store as it is told, until so many events are seen.
async fn follow(store: Store, count: usize) -> Vec<u64> {
    let (mut seen, mut position) = (Vec::new(), 0);
    while seen.len() < count {
        let newest = told(&store, position + 1).await;
        let range = EventRange::After(position, newest);
        let page = store.events(range, EventFilter::default(), 10_000).await.expect("it can be read");
        seen.extend(page.events.iter().map(|logged| logged.cursor));
        position = newest;
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cursor_is_seen_before_a_smaller_one_whichever_store_writes() {
    let home = Home::postgres().await;
    let (one, other, reader) = (home.open().await, home.open().await, home.open().await);
    for _ in 0..20 {
        one.accept_execution(new_now()).await.unwrap();
    }
    let following = tokio::spawn(follow(reader.clone(), 120));
    let mut writers = JoinSet::new();
    for store in [one, other] {
        let (recording, appending, working) = (store.clone(), store.clone(), store);
        writers.spawn(async move { (0..20).for_each(|_| recording.record_event(plain())) });
        writers.spawn(async move {
            for _ in 0..10 {
                appending.append_events(vec![plain(), plain()]).await.unwrap();
            }
        });
        writers.spawn(async move {
            for _ in 0..10 {
                let lease = claim(&working).await.expect("one waits").lease();
                working.finish_execution(lease, success("1"), vec![plain(), plain()]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let seen = tokio::time::timeout(PATIENCE, following).await.expect("all are told").unwrap();
    assert_eq!(seen, (1..=120).collect::<Vec<_>>(), "each once, in order, and none came late");
}

#[tokio::test]
async fn a_store_that_hears_nothing_looks_by_itself() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    query(&url, "DROP TRIGGER system_events_written ON system_events");
    let options = server_options(&url, &StoreOptions::new("unused"));
    let (writer, reader) =
        (Store::connect(options.clone()).await.unwrap(), Store::connect(options).await.unwrap());
    writer.append_events(vec![plain()]).await.unwrap();
    assert_eq!(told(&reader, 1).await, 1);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    query(&url, cut);
    writer.append_events(vec![plain()]).await.unwrap();
    assert_eq!(told(&reader, 2).await, 2, "a connection that was cut is made anew");
}

#[tokio::test]
async fn an_event_that_is_handed_in_at_two_stores_is_one() {
    let home = Home::postgres().await;
    let (one, other) = (home.open().await, home.open().await);
    let named = || vec![SystemEvent { event_id: Some("e-1".to_owned()), ..plain() }];
    let (first, second) = tokio::join!(one.append_events(named()), other.append_events(named()));
    let [first, second] = [first, second].map(|appended| appended.unwrap()[0]);
    assert_eq!([first.is_new, second.is_new].into_iter().filter(|is_new| *is_new).count(), 1);
    let same = |Appended { id, cursor, .. }| (id, cursor);
    assert_eq!(same(first), same(second));
}

#[tokio::test]
async fn a_start_takes_nothing_from_those_that_work() {
    let home = Home::postgres().await;
    let worker = home.open().await;
    worker.accept_execution(new_now()).await.unwrap();
    let lease = claim(&worker).await.unwrap().lease();
    let newcomer = home.open().await;
    assert_eq!(newcomer.requeue_running().await.unwrap(), 0);
    assert_eq!(claim(&newcomer).await, None);
    worker.finish_execution(lease, success("1"), Vec::new()).await.unwrap();
}

#[tokio::test]
async fn behind_a_flood_somebody_elses_is_next_and_the_urgent_ones_go_first() {
    on_both(async |home| {
        let store = home.open().await;
        let of = |principal: &str, priority| NewExecution {
            principal: principal.to_owned(),
            priority,
            ..new_now()
        };
        for _ in 0..50 {
            store.accept_execution(of("flood", Priority::Normal)).await.unwrap();
        }
        let (polite, urgent) = (of("polite", Priority::Normal), of("hurried", Priority::High));
        store.accept_execution(polite.clone()).await.unwrap();
        store.accept_execution(urgent.clone()).await.unwrap();
        assert_eq!(claim(&store).await.unwrap().id, urgent.id);
        let next = [claim(&store).await.unwrap(), claim(&store).await.unwrap()];
        assert!(next.iter().any(|claimed| claimed.id == polite.id), "each has its turn: {next:?}");
    })
    .await;
}

#[tokio::test]
async fn no_more_run_of_a_principal_or_a_workflow_than_may() {
    on_both(async |home| {
        let store = home.open().await;
        let of = |principal: &str, workflow: &str| NewExecution {
            principal: principal.to_owned(),
            workflow: workflow.to_owned(),
            ..new_now()
        };
        for new in [of("a", "w"), of("a", "w"), of("b", "x"), of("c", "x"), of("d", "x")] {
            store.accept_execution(new).await.unwrap();
        }
        let max_running = [("x".to_owned(), 2)].into();
        let rules = ClaimRules { max_running_per_principal: 1, max_running, ..ClaimRules::new("test") };
        let mut running = Vec::new();
        while let Some(claimed) = store.claim_execution(&rules).await.unwrap() {
            running.push(claimed);
        }
        let of_principals: Vec<&str> = running.iter().map(|claimed| claimed.principal.as_str()).collect();
        assert_eq!(of_principals, ["a", "b", "c"]);
        let ended = running.remove(0).lease();
        store.finish_execution(ended, success("1"), Vec::new()).await.unwrap();
        assert_eq!(store.claim_execution(&rules).await.unwrap().expect("there is room").principal, "a");
    })
    .await;
}

/// What an older program has left is carried over: nothing is lost, and what ran is taken over.
#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_all_that_it_holds() {
    let url = shared(|server| server.create_database("first_version"));
    let first = include_str!("../../src/store/postgres/migrations/1_tables.sql");
    query(&url, first);
    query(
        &url,
        "CREATE TABLE integridai_schema (only_row BOOLEAN PRIMARY KEY DEFAULT TRUE, version INTEGER NOT NULL);
         INSERT INTO integridai_schema (version) VALUES (1);
         INSERT INTO system_events (event_type, service_name, payload, timestamp)
             VALUES ('b', 'regtech', '{}', '2026-01-02'), ('a', 'gateway', '{}', '2026-01-01');
         INSERT INTO executions (id, workflow, state, priority, request, timeout_ms, created_at, attempts) VALUES
             ('00000000-0000-0000-0000-000000000001', 'w', 'queued', 1, '{}', 1000, '2026-01-02', 0),
             ('00000000-0000-0000-0000-000000000002', 'w', 'running', 1, '{}', 1000, '2026-01-01', 2);",
    );
    let options =
        server_options(&url, &StoreOptions { retention: Duration::MAX, ..StoreOptions::new("unused") });
    let store = Store::connect(options).await.unwrap();
    let log = store.events(EventRange::after(0), EventFilter::default(), 10).await.unwrap().events;
    let types: Vec<_> =
        log.iter().map(|LoggedEvent { cursor, event }| (*cursor, &*event.event_type)).collect();
    assert_eq!(types, [(1, "a"), (2, "b")], "in the order of their times");
    assert_eq!(store.append_events(vec![plain()]).await.unwrap()[0].cursor, 3);
    let claimed = [claim(&store).await.unwrap(), claim(&store).await.unwrap()];
    assert_eq!(claimed.each_ref().map(|one| (one.id.as_u128(), one.attempts)), [(2, 3), (1, 1)]);
    assert!(claimed.iter().all(|one| one.state == ExecutionState::Running));
    assert!(claimed.iter().all(|one| one.created_at < OffsetDateTime::now_utc()));
}
