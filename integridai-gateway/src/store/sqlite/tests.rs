use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::tempdir;
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::{Id, Timestamp, clip};
use super::records;
use super::retention::{self, Progress};
use super::{Database, execution_statements, executions, migrations, statements};
use crate::store::record::Record;
use crate::store::{
    ApiCall, ClaimRules, EventFilter, EventRange, Execution, ExecutionState, JsonText, MetricSample,
    NewExecution, Priority, StoreError, StoreOptions, SystemEvent,
};

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut connection, Path::new("memory")).unwrap();
    connection
}

fn moment(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap()
}

#[test]
fn every_statement_can_be_prepared() {
    let connection = migrated();
    for statement in statements::ALL.iter().chain(&statements::PRUNE).chain(&execution_statements::ALL) {
        connection.prepare(statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
}

#[test]
fn the_search_for_the_next_execution_reads_the_queue_index_and_sorts_nothing() {
    let connection = migrated();
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {}", execution_statements::CLAIM_EXECUTION)).unwrap();
    let plan: Vec<String> = statement
        .query_map(["now", "me", "then", "[]", "[]"], |row| row.get("detail"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(plan.iter().any(|line| line.contains("INDEX executions_queue")), "{plan:?}");
    assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
}

#[test]
fn every_list_of_executions_reads_an_index_of_its_own_and_sorts_nothing() {
    let connection = migrated();
    for (list, index) in [
        (execution_statements::LIST_EXECUTIONS, "executions_created_at"),
        (execution_statements::LIST_EXECUTIONS_OPEN, "executions_open"),
        (execution_statements::LIST_EXECUTIONS_ENDED, "executions_ended"),
        (execution_statements::LIST_EXECUTIONS_OF_WORKFLOW, "executions_workflow"),
        (execution_statements::LIST_EXECUTIONS_OF_USER, "executions_user_id"),
        (execution_statements::LIST_EXECUTIONS_OF_PRINCIPAL, "executions_principal"),
    ] {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {list}")).unwrap();
        let plan: Vec<String> = statement
            .query_map(["2026", "2027", "id", "w", "queued", "10", "user", "principal"], |row| {
                row.get("detail")
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(
            plan.iter().any(|line| line.contains(&format!("SEARCH executions USING INDEX {index} "))),
            "{plan:?}"
        );
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
    }
}

#[test]
fn a_file_is_migrated_once_and_carries_our_mark() {
    let mut connection = migrated();
    migrations::migrate(&mut connection, Path::new("memory")).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("application_id"), pragma("user_version")), (0x4947_4149, 8));
}

#[test]
fn executions_of_the_first_version_keep_their_place_and_their_state() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("migrations/1_tables.sql")).unwrap();
    connection.pragma_update(None, "application_id", 0x4947_4149).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let insert = "INSERT INTO executions (id, workflow, state, priority, request, user_id, timeout_ms, created_at, attempts)
        VALUES (?1, 'training_sync', ?2, ?3, '{}', 'user-7', 1000, ?4, ?5)";
    let moment = Timestamp(moment(1_790_000_000_000_000));
    for (number, state, priority, attempts) in
        [(1, "queued", 0, 0), (2, "queued", 2, 0), (3, "running", 2, 1), (4, "failed", 1, 1)]
    {
        let id = Id(Uuid::from_u128(number));
        connection.execute(insert, rusqlite::params![id, state, priority, moment, attempts]).unwrap();
    }
    migrations::migrate(&mut connection, Path::new("memory")).unwrap();
    let now = OffsetDateTime::now_utc();
    let rules = ClaimRules::new("test");
    let claim = || executions::claim(&connection, now, &rules).unwrap();
    assert_eq!(claim().unwrap().id.as_u128(), 2);
    let low = claim().unwrap();
    assert_eq!((low.id.as_u128(), low.principal.as_str(), low.fence), (1, "user-7", 1));
    assert_eq!(claim(), None);
    assert_eq!(executions::requeue_running(&connection).unwrap(), 3);
    assert_eq!(claim().unwrap().attempts, 2);
}

#[test]
fn events_of_the_first_version_get_cursors_in_the_order_of_their_times() {
    let mut connection = Connection::open_in_memory().unwrap();
    let rows = "INSERT INTO system_events (id, event_type, service_name, payload, timestamp) VALUES
        ('late', 'a', 'gateway', '1', '2026-01-02T00:00:00.000000Z'),
        ('early', 'a', 'regtech', '2', '2026-01-01T00:00:00.000000Z')";
    connection.execute_batch(include_str!("migrations/1_tables.sql")).unwrap();
    connection
        .execute_batch(&format!("{rows}; PRAGMA application_id = 1229406537; PRAGMA user_version = 1"))
        .unwrap();
    migrations::migrate(&mut connection, Path::new("memory")).unwrap();
    let mut statement =
        connection.prepare("SELECT cursor, id, source FROM system_events ORDER BY cursor").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: Vec<(i64, String, String)> =
        statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    let expected = [(1, "early", "regtech"), (2, "late", "gateway")];
    assert_eq!(found, expected.map(|(cursor, id, source)| (cursor, id.to_owned(), source.to_owned())));
}

#[test]
fn the_log_is_read_by_an_index_and_never_sorted() {
    let connection = migrated();
    let text = |text: &str| Some(text.to_owned());
    let (kind, none) = (vec!["a".to_owned()], EventFilter::default);
    for (filter, index) in [
        (none(), "INTEGER PRIMARY KEY"),
        (EventFilter { types: kind, ..none() }, "system_events_event_type"),
        (EventFilter { source: text("a"), ..none() }, "system_events_source"),
        (EventFilter { correlation_id: text("a"), ..none() }, "system_events_correlation_id"),
        (EventFilter { user_id: text("a"), ..none() }, "system_events_user_id"),
    ] {
        for range in [EventRange::after(7), EventRange::Before(7)] {
            let query = super::events::Query::new(range, (7, 70), &filter, 10);
            let plan = query.plan(&connection);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }
}

#[test]
fn the_file_of_a_newer_program_is_refused() {
    let mut connection = migrated();
    connection.pragma_update(None, "user_version", 70).unwrap();
    let error = migrations::migrate(&mut connection, Path::new("gateway.db")).unwrap_err();
    assert_eq!(error.to_string(), "the database gateway.db has schema version 70; this program knows 8");
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE contacts (name TEXT)").unwrap();
    let error = migrations::migrate(&mut connection, Path::new("contacts.db")).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    assert_eq!(tables.unwrap(), 1);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to be looked at ".repeat(200)).unwrap();
    let error = super::Database::open(&crate::store::StoreOptions::new(&path)).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}

#[test]
fn pruning_takes_old_rows_and_finished_executions_in_small_steps() {
    let mut connection = migrated();
    let now = OffsetDateTime::now_utc();
    let day = Duration::from_secs(24 * 60 * 60);
    for age in [29, 31] {
        for record in records_of_age(now - day * age) {
            record.insert(&connection).unwrap();
        }
    }
    for _ in 0..600 {
        Record::ApiCall(call_at(now - day * 40)).insert(&connection).unwrap();
    }

    assert_eq!(retention::prune(&mut connection, now, day * 30).unwrap(), Progress::More);
    assert_eq!(count(&connection, "api_calls_log"), 102);
    assert_eq!(retention::prune(&mut connection, now, day * 30).unwrap(), Progress::Done);
    for table in ["system_events", "metrics_history", "api_calls_log"] {
        assert_eq!(count(&connection, table), 1, "{table}");
    }
    // What waits or runs is never too old.
    assert_eq!(count(&connection, "executions WHERE state = 'succeeded'"), 1);
    assert_eq!(count(&connection, "executions WHERE state IN ('queued', 'running')"), 4);
}

#[test]
fn a_retention_longer_than_the_calendar_keeps_everything() {
    let mut connection = migrated();
    Record::ApiCall(call_at(moment(0))).insert(&connection).unwrap();
    let progress = retention::prune(&mut connection, OffsetDateTime::now_utc(), Duration::MAX).unwrap();
    assert_eq!((progress, count(&connection, "api_calls_log")), (Progress::Done, 1));
}

#[test]
fn text_is_cut_between_characters() {
    assert_eq!(clip("añb", 2), "añ");
    assert_eq!(clip("ññ", 3), "ññ");
    assert_eq!(clip("abc", 0), "");
}

#[test]
fn timestamps_sort_as_text() {
    let connection = migrated();
    let text = |micros| {
        connection.query_row("SELECT ?1", [Timestamp(moment(micros))], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(text(1_790_000_000_000_000), "2026-09-21T14:13:20.000000Z");
    assert!(text(1_790_000_000_000_000) < text(1_790_000_000_000_001));
}

fn records_of_age(time: OffsetDateTime) -> Vec<Record> {
    let event = SystemEvent {
        id: crate::store::arrival::last_id(time),
        event_type: "compliance_analysis".to_owned(),
        service_name: "gateway".to_owned(),
        payload: JsonText::empty_list(),
        timestamp: time,
        correlation_id: None,
        user_id: None,
        event_id: None,
        owner: None,
        publisher: String::new(),
    };
    let sample = MetricSample {
        metric_name: "score".to_owned(),
        metric_value: 1.5,
        service: "regtech".to_owned(),
        timestamp: time,
        metadata: None,
    };
    let states = [ExecutionState::Queued, ExecutionState::Running, ExecutionState::Succeeded];
    let executions = states.map(|state| Record::Execution(Box::new(execution_at(state, time))));
    let rows = [Record::Event(event), Record::Metric(sample), Record::ApiCall(call_at(time))];
    rows.into_iter().chain(executions).collect()
}

fn execution_at(state: ExecutionState, time: OffsetDateTime) -> Execution {
    let new = NewExecution {
        id: Uuid::now_v7(),
        workflow: "complete_analysis".to_owned(),
        priority: Priority::Normal,
        request: JsonText::empty_list(),
        correlation_id: None,
        user_id: None,
        principal: String::new(),
        timeout_ms: 1,
        created_at: time,
        run_at: time,
        traceparent: None,
    };
    Execution { state, finished_at: state.is_finished().then_some(time), ..new.into() }
}

fn call_at(timestamp: OffsetDateTime) -> ApiCall {
    ApiCall {
        id: Uuid::now_v7(),
        endpoint: "/api/v1/health".to_owned(),
        method: "GET".to_owned(),
        status_code: 200,
        response_time_ms: 3,
        request_size: None,
        response_size: Some(42),
        timestamp,
    }
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// From year 1 to year 9999, in microseconds.
fn moments() -> impl Strategy<Value = OffsetDateTime> {
    (-62_135_596_800_000_000_i64..253_402_300_799_999_999).prop_map(moment)
}

fn texts(width: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![4 => any::<char>(), 1 => Just('\0')], 0..=width)
        .prop_map(|characters| characters.into_iter().collect())
}

fn json() -> impl Strategy<Value = JsonText> {
    (texts(60), any::<f64>(), any::<u64>()).prop_map(|(text, float, whole)| {
        JsonText::from(serde_json::json!({ (text.clone()): [text, float, whole, null] }))
    })
}

fn sizes() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..=i64::MAX.unsigned_abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_event_is_read_as_it_was_written(
        (event_type, service_name, correlation_id, user_id, event_id, payload, timestamp, id) in
            (texts(50), texts(255), prop::option::of(texts(100)), prop::option::of(texts(100)), prop::option::of(texts(255)),
             json(), moments(), any::<u128>()),
        (owner, publisher) in (prop::option::of(texts(300)), texts(300)),
    ) {
        let id = Uuid::from_u128(id);
        let event = SystemEvent { id, event_type, service_name, payload, timestamp, correlation_id, user_id, event_id, owner, publisher };
        let connection = migrated();
        Record::Event(event.clone()).insert(&connection).unwrap();
        let read = connection.query_row(statements::RECENT_EVENTS, [1], records::read_event).unwrap();
        prop_assert_eq!(read, event);
    }

    #[test]
    fn a_figure_is_read_as_it_was_written(
        (metric_name, service, metadata, timestamp, metric_value) in
            (texts(100), texts(50), prop::option::of(json()), moments(), prop::num::f64::NORMAL | prop::num::f64::ZERO)
    ) {
        let sample = MetricSample { metric_name, metric_value, service, timestamp, metadata };
        let connection = migrated();
        Record::Metric(sample.clone()).insert(&connection).unwrap();
        let read = connection.query_row(statements::RECENT_METRICS, [1], records::read_metric).unwrap();
        prop_assert_eq!(read, sample);
    }

    #[test]
    fn a_call_is_read_as_it_was_written(
        (endpoint, method, status_code, times, timestamp) in
            (texts(200), texts(10), any::<u16>(), (0..=i64::MAX.unsigned_abs(), sizes(), sizes()), moments())
    ) {
        let (response_time_ms, request_size, response_size) = times;
        let id = Uuid::now_v7();
        let call = ApiCall { id, endpoint, method, status_code, response_time_ms, request_size, response_size, timestamp };
        let connection = migrated();
        Record::ApiCall(call.clone()).insert(&connection).unwrap();
        let read = connection.query_row(statements::RECENT_API_CALLS, [1], records::read_api_call).unwrap();
        prop_assert_eq!(read, call);
    }

    #[test]
    fn an_execution_is_read_as_it_was_written(
        (state, priority, attempts, timeout_ms) in (0..6_usize, 0..3_usize, any::<u32>(), 0..=i64::MAX.unsigned_abs()),
        (fence, interruptions, cancel_requested) in (0..=i64::MAX.unsigned_abs(), any::<u32>(), any::<bool>()),
        (principal, run_at, deadline_at) in (texts(100), moments(), prop::option::of(moments())),
        (workflow, correlation_id, user_id) in (texts(80), prop::option::of(texts(100)), prop::option::of(texts(100))),
        (created_at, started_at, finished_at) in (moments(), prop::option::of(moments()), prop::option::of(moments())),
        (request, steps, result, error) in (json(), json(), prop::option::of(json()), prop::option::of(json())),
    ) {
        let execution = Execution {
            id: Uuid::now_v7(), traceparent: user_id.clone(),
            state: ExecutionState::ALL[state],
            priority: Priority::ALL[priority],
            workflow, request, correlation_id, user_id, timeout_ms, created_at, started_at, finished_at, attempts,
            steps, result, error, fence, interruptions, cancel_requested, principal, run_at, deadline_at,
        };
        let connection = migrated();
        Record::Execution(Box::new(execution.clone())).insert(&connection).unwrap();
        let read = connection.query_row(execution_statements::SELECT_EXECUTION, [Id(execution.id)], records::read_execution);
        prop_assert_eq!(read.unwrap(), execution);
    }

    #[test]
    fn text_wider_than_its_column_is_cut_and_never_refused(endpoint in texts(400)) {
        let connection = migrated();
        let call = ApiCall { endpoint: endpoint.clone(), ..call_at(moment(0)) };
        Record::ApiCall(call).insert(&connection).unwrap();
        let read = connection.query_row(statements::RECENT_API_CALLS, [1], records::read_api_call).unwrap();
        prop_assert_eq!(read.endpoint, endpoint.chars().take(200).collect::<String>());
    }
}

#[tokio::test]
async fn work_that_panics_ends_neither_the_readers_nor_the_writer() {
    let folder = tempdir().unwrap();
    let database = Database::open(&StoreOptions::new(folder.path().join("gateway.db"))).unwrap();
    for _ in 0..4 {
        let read: Result<(), _> = database.read(|_| panic!("in a read")).await;
        assert!(matches!(read, Err(StoreError::Closed)), "{read:?}");
        let write: Result<(), _> = database.command(|_| panic!("in a write")).await;
        assert!(matches!(write, Err(StoreError::Failed { .. })), "{write:?}");
    }
    database.command(|connection| connection.execute("DELETE FROM executions", [])).await.unwrap();
    database.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await.unwrap();
    database.close(Duration::from_secs(30)).await.unwrap();
}
