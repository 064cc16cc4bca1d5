//! The schema on PostgreSQL: that of the specification, made once, checked at every start.
use integridai_gateway::store::{PostgresOptions, Store, StoreError, StoreOptions};
use tokio::task::JoinSet;

use crate::homes::{Home, query, server_options, shared};
use crate::samples::{PATIENCE, claim, new_now};

/// A database without any tables.
fn empty(name: &str) -> String {
    shared(|server| server.create_database(name))
}

fn options(url: &str) -> PostgresOptions {
    server_options(url, &StoreOptions::new("unused"))
}

async fn refusal(options: PostgresOptions) -> StoreError {
    Store::connect(options).await.expect_err("the database is refused")
}

#[tokio::test]
async fn the_three_tables_have_the_columns_of_the_specification() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let columns = |table: &str| {
        query(
            &url,
            &format!(
                "SELECT string_agg(column_name || ' ' || udt_name || coalesce(character_maximum_length::text, '')
                    || CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END
                    || CASE WHEN column_default IS NULL THEN '' ELSE '=' END, ' ' ORDER BY ordinal_position)
                 FROM information_schema.columns WHERE table_name = '{table}'"
            ),
        )
    };
    assert_eq!(
        columns("system_events"),
        "id uuid!= event_type varchar50! service_name varchar50! payload jsonb! timestamp timestamp= \
         correlation_id varchar100 user_id varchar100 source varchar255! event_id varchar255 cursor int8!= \
         owner text publisher text!="
    );
    assert_eq!(
        columns("metrics_history"),
        "id int4!= metric_name varchar100! metric_value float8! service varchar50! timestamp timestamp= \
         metadata jsonb sample_id uuid"
    );
    assert_eq!(
        columns("api_calls_log"),
        "id uuid!= endpoint varchar200! method varchar10! status_code int4! response_time_ms int4! \
         request_size int4 response_size int4 timestamp timestamp="
    );
}

#[tokio::test]
async fn of_gateways_that_start_at_once_on_an_empty_database_one_makes_the_schema() {
    let url = empty("empty_at_once");
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        starting.spawn(Store::connect(options(&url)));
    }
    for store in starting.join_all().await {
        let store = store.expect("each of them starts");
        store.ping().await.unwrap();
        store.close(PATIENCE).await.unwrap();
    }
    assert_eq!(query(&url, "SELECT version FROM integridai_schema"), "8");
}

#[tokio::test]
async fn a_gateway_that_may_not_migrate_refuses_an_empty_database_and_leaves_it_alone() {
    let url = empty("empty_refused");
    let error = refusal(PostgresOptions { migrate: false, ..options(&url) }).await;
    assert!(matches!(error, StoreError::TooOld { found: 0, known: 8, .. }), "{error:?}");
    assert!(error.to_string().contains("run `migrate`"), "{error}");
    assert_eq!(query(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    Store::connect(options(&url)).await.expect("another may").close(PATIENCE).await.unwrap();
    let store = Store::connect(PostgresOptions { migrate: false, ..options(&url) }).await;
    store.expect("now it is up to date").ping().await.unwrap();
}

#[tokio::test]
async fn the_schema_of_a_newer_program_is_refused() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    query(&url, "UPDATE integridai_schema SET version = 70");
    let error = refusal(options(&url)).await;
    assert!(matches!(error, StoreError::TooNew { found: 70, known: 8, .. }), "{error:?}");
    assert!(error.to_string().contains("schema version 70"), "{error}");
}

#[tokio::test]
async fn tables_of_another_program_are_refused_and_left_alone() {
    let url = empty("foreign");
    query(&url, "CREATE TABLE api_calls_log (name TEXT)");
    let error = refusal(options(&url)).await;
    assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
    assert_eq!(query(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

#[tokio::test]
async fn a_table_without_a_column_that_is_needed_shows_at_the_start() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    query(&url, "ALTER TABLE executions DROP COLUMN steps");
    let error = refusal(options(&url)).await;
    assert!(error.to_string().ends_with("a table of the database is missing"), "{error}");
}

#[tokio::test]
async fn columns_that_others_add_disturb_nobody() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let store = Store::connect(options(&url)).await.unwrap();
    store.accept_execution(new_now()).await.unwrap();
    claim(&store).await.expect("one waits");
    query(&url, "ALTER TABLE executions ADD COLUMN note TEXT");
    store.accept_execution(new_now()).await.unwrap();
    claim(&store).await.expect("one waits");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_refused_at_once_without_naming_the_user() {
    let url = shared(|server| server.url("nowhere"));
    let error = refusal(options(&url)).await;
    assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("127.0.0.1") && text.contains("/nowhere") && !text.contains("postgres@"), "{text}");
}
