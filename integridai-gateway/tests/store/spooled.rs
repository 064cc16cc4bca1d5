//! Rows that wait on the disk while PostgreSQL takes none.
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use integridai_gateway::store::{
    MetricSample, NewExecution, PostgresOptions, SpoolOptions, Store, StoreError, StoreOptions, Table,
};
use tempfile::tempdir;
use time::OffsetDateTime;

use crate::homes::server_options;
use crate::samples::{PATIENCE, call, event, new_now, until};
use crate::support::postgres::Postgres;

const CRASH_URL: &str = "STORE_TEST_SPOOL_URL";
const CRASH_TEST: &str = "spooled::rows_that_were_spooled_survive_a_kill_and_are_written_by_the_next_start";

fn options(url: &str, spool: PathBuf) -> PostgresOptions {
    let spool = Some(SpoolOptions { path: spool, max_bytes: 1024 * 1024 });
    PostgresOptions { spool, ..server_options(url, &StoreOptions::new("unused")) }
}

fn record_one_of_each(store: &Store, metric_value: f64) {
    let execution = new_now();
    store.record_event(event(&execution.request));
    let sample = MetricSample {
        metric_name: "score".to_owned(),
        metric_value,
        service: "regtech".to_owned(),
        timestamp: OffsetDateTime::now_utc(),
        metadata: None,
    };
    store.record_metrics(vec![sample]);
    store.record_api_call(call("/spooled"));
    store.record_execution(NewExecution { ..execution }.into());
}

fn count(server: &Postgres, table: &str) -> usize {
    server.query("gateway", &format!("SELECT count(*) FROM {table}")).parse().expect("a number")
}

async fn all_in_spool(store: &Store, rows: usize) {
    until("the spool", async || {
        let health = store.health();
        (health.spooled_rows, health.buffered_rows) == (rows, 0)
    })
    .await;
}

#[tokio::test]
async fn rows_of_an_outage_go_to_the_spool_and_then_in_their_order_into_the_tables() {
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let spool = folder.path().join("spool");
    let store = Store::connect(options(&server.create_database("gateway"), spool.clone())).await.unwrap();
    server.stop();
    for round in 0..30 {
        record_one_of_each(&store, f64::from(round));
    }
    all_in_spool(&store, 120).await;
    assert!(matches!(store.flush().await.unwrap_err(), StoreError::Unsaved { rows: 120 }));
    assert!(!store.health().healthy);

    server.start_again();
    until("the drain", async || store.health().written_rows == 120).await;
    store.flush().await.unwrap();
    record_one_of_each(&store, 30.0);
    store.flush().await.unwrap();
    let health = store.health();
    assert_eq!(
        (health.healthy, health.spooled_rows, health.dropped_rows, health.spool_damages),
        (true, 0, 0, 0)
    );
    for table in Table::ALL {
        assert_eq!(count(&server, table.name()), 31, "{}", table.name());
    }
    let order = "SELECT string_agg(metric_value::text, ' ' ORDER BY id) FROM metrics_history";
    let expected: Vec<String> = (0..=30).map(|round| round.to_string()).collect();
    assert_eq!(server.query("gateway", order), expected.join(" "));
    let left = fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
    store.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_closed_during_an_outage_loses_nothing() {
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let options = options(&server.create_database("gateway"), folder.path().join("spool"));
    let store = Store::connect(options.clone()).await.unwrap();
    server.stop();
    (0..2_500).for_each(|_| store.record_api_call(call("/closed")));
    store.close(PATIENCE).await.unwrap();
    assert_eq!((store.health().spooled_rows, store.health().dropped_rows), (2_500, 0));
    drop(store);
    server.start_again();
    let store = Store::connect(options).await.unwrap();
    until("the drain", async || store.health().written_rows == 2_500).await;
    assert_eq!(count(&server, "api_calls_log"), 2_500);
}

#[tokio::test]
async fn rows_that_were_spooled_survive_a_kill_and_are_written_by_the_next_start() {
    if let Some(url) = std::env::var_os(CRASH_URL) {
        let (url, spool) = url.to_str().and_then(|url| url.split_once(' ')).expect("a URL and a folder");
        return be_the_victim(url, Path::new(spool)).await;
    }
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let (url, spool) = (server.create_database("gateway"), folder.path().join("spool"));
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CRASH_TEST, "--nocapture"])
        .env(CRASH_URL, format!("{url} {}", spool.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "connected"), "the other process never connected");
    server.stop();
    drop(victim.stdin.take());
    assert!(lines.any(|line| line == "spooled"), "the other process never spooled");
    victim.kill().unwrap();
    victim.wait().unwrap();

    server.start_again();
    let store = Store::connect(options(&url, spool)).await.unwrap();
    until("the drain", async || store.health().written_rows == 40).await;
    for table in Table::ALL {
        assert_eq!(count(&server, table.name()), 10, "{}", table.name());
    }
    assert_eq!((store.health().dropped_rows, store.health().spool_damages), (0, 0));
}

async fn be_the_victim(url: &str, spool: &Path) {
    let store = Store::connect(options(url, spool.to_owned())).await.expect("the server is there");
    let say = |line: &str| {
        std::io::Write::write_all(&mut std::io::stdout(), format!("\n{line}\n").as_bytes())
            .expect("somebody reads");
    };
    say("connected");
    // Until the server is gone.
    std::io::stdin().lines().for_each(drop);
    (0..10).for_each(|round| record_one_of_each(&store, f64::from(round)));
    all_in_spool(&store, 40).await;
    say("spooled");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_was_written_already_and_is_in_the_spool_once_more_is_written_once() {
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let (spool, copy) = (folder.path().join("spool"), folder.path().join("copy"));
    let options = options(&server.create_database("gateway"), spool.clone());
    let store = Store::connect(options.clone()).await.unwrap();
    server.stop();
    (0..10).for_each(|round| record_one_of_each(&store, f64::from(round)));
    all_in_spool(&store, 40).await;
    let segment = "00000000000000000001.rows";
    fs::copy(spool.join(segment), &copy).unwrap();
    server.start_again();
    until("the drain", async || store.health().written_rows == 40).await;
    store.close(PATIENCE).await.unwrap();
    drop(store);

    // As if the process had been killed between the commit and the removal of the file.
    fs::rename(&copy, spool.join(segment)).unwrap();
    let store = Store::connect(options).await.unwrap();
    until("the drain", async || store.health().spooled_rows == 0 && store.flush().await.is_ok()).await;
    for table in Table::ALL {
        assert_eq!(count(&server, table.name()), 10, "{}", table.name());
    }
    assert_eq!(store.health().dropped_rows, 0);
}

#[tokio::test]
async fn beyond_the_bound_of_the_spool_rows_wait_in_memory_and_beyond_that_they_are_counted_as_lost() {
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let options = options(&server.create_database("gateway"), folder.path().join("spool"));
    let spool = options.spool.map(|spool| SpoolOptions { max_bytes: 20_000, ..spool });
    let store =
        Store::connect(PostgresOptions { buffer_rows: 50, batch_rows: 10, spool, ..options }).await.unwrap();
    server.stop();
    until("the loss", async || {
        store.record_api_call(call("/many"));
        store.dropped_rows(Table::ApiCallsLog) > 0
    })
    .await;
    let health = store.health();
    assert!(health.spooled_rows > 10 && health.buffered_rows <= 50, "{health:?}");
    server.start_again();
    until("the write", async || store.flush().await.is_ok()).await;
    let health = store.health();
    assert_eq!(count(&server, "api_calls_log"), usize::try_from(health.written_rows).unwrap());
    assert!(health.healthy && health.spooled_rows == 0, "{health:?}");
}

#[tokio::test]
async fn a_spool_that_was_torn_off_gives_what_is_whole_and_tells_of_the_rest() {
    let (mut server, folder) = (Postgres::start(), tempdir().unwrap());
    let spool = folder.path().join("spool");
    let options = options(&server.create_database("gateway"), spool.clone());
    let store = Store::connect(options.clone()).await.unwrap();
    server.stop();
    (0..3).for_each(|_| store.record_api_call(call("/torn")));
    store.close(PATIENCE).await.unwrap();
    drop(store);
    let segment = spool.join("00000000000000000001.rows");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
    server.start_again();
    let store = Store::connect(options).await.unwrap();
    until("the drain", async || store.health().spool_damages == 1).await;
    assert_eq!(store.health().written_rows, 2);
    assert_eq!(count(&server, "api_calls_log"), 2);
}
