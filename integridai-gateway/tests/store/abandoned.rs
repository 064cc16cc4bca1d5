//! Reads that nobody waits for any more.
use std::time::Duration;

use integridai_gateway::store::{PostgresOptions, Store, StoreOptions};

use crate::homes::{Home, query, server_options};
use crate::samples::{PATIENCE, until};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_read_that_is_given_up_is_broken_off_at_the_server_and_its_connection_serves_the_next() {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let defaults = server_options(&url, &StoreOptions::new("unused"));
    let options = PostgresOptions { max_connections: 1, statement_timeout: HOUR, ..defaults };
    let store = Store::connect(options).await.unwrap();
    query(
        &url,
        "INSERT INTO api_calls_log (endpoint, method, status_code, response_time_ms) VALUES ('/', 'GET', 200, 1);
         ALTER TABLE api_calls_log RENAME TO kept;
         CREATE VIEW api_calls_log AS SELECT kept.* FROM kept, pg_sleep(3600)",
    );
    let sleeping = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let reader = store.clone();
    let reading = tokio::spawn(async move { reader.recent_api_calls(1).await });
    until("the read", async || query(&url, sleeping) == "1").await;
    reading.abort();
    until("its end at the server", async || query(&url, sleeping) == "0").await;
    let next = tokio::time::timeout(PATIENCE, store.queued_executions()).await;
    assert_eq!(next.expect("there is a connection for it").unwrap(), 0);
}
