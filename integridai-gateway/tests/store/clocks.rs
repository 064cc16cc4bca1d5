//! Gateways whose clocks differ from that of their PostgreSQL, and so from each other's.
use std::time::Duration;

use integridai_gateway::store::{ClaimRules, Heartbeat, NewExecution, Store};

use crate::homes::{Home, query};
use crate::samples::{claim, new_now, success};

const MINUTE: Duration = Duration::from_secs(60);

/// A store whose server's clock differs by this from everybody else's.
async fn store_whose_server_is_off_by(difference: &str) -> (Store, String) {
    let Home::Postgres(url) = Home::postgres().await else { unreachable!() };
    let database = url.rsplit('/').next().expect("a URL ends with the database");
    let other_time = format!(
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
             AS $$SELECT pg_catalog.clock_timestamp() + interval '{difference}'$$;
         ALTER DATABASE {database} SET search_path = public, pg_catalog"
    );
    query(&url, &other_time);
    (Home::Postgres(url.clone()).open().await, url)
}

#[tokio::test]
async fn a_lease_holds_for_its_length_by_the_clock_of_the_server_alone() {
    for difference in ["-1 hour", "1 hour"] {
        let (store, url) = store_whose_server_is_off_by(difference).await;
        let deadline_ms = 24 * 3_600_000;
        store.accept_execution(NewExecution { timeout_ms: deadline_ms, ..new_now() }).await.unwrap();
        let rules = ClaimRules { lease: MINUTE, ..ClaimRules::new("first") };
        let lease = store.claim_execution(&rules).await.unwrap().expect("one waits").lease();
        let holds = "SELECT leased_until - (clock_timestamp() AT TIME ZONE 'UTC')
                         BETWEEN interval '0 minutes' AND interval '1 minute' FROM executions";
        assert_eq!(query(&url, holds), "t", "{difference}");
        assert_eq!(claim(&store).await, None, "{difference}");
        let left = store.until_due().await.unwrap().expect("a lease ends");
        assert!(left <= MINUTE && !left.is_zero(), "{difference}: {left:?}");

        assert_eq!(store.heartbeat(lease, MINUTE).await.unwrap(), Heartbeat::Held);
        assert_eq!((query(&url, holds).as_str(), claim(&store).await), ("t", None), "{difference}");
        assert_eq!(store.heartbeat(lease, Duration::ZERO).await.unwrap(), Heartbeat::Held);
        let second = claim(&store).await.expect("it has ended").lease();
        assert_eq!(second.id, lease.id, "{difference}");
        store.finish_execution(second, success("1"), Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn an_end_that_is_written_once_more_has_been_written() {
    let store = Home::postgres().await.open().await;
    store.accept_execution(new_now()).await.unwrap();
    let (lease, end) = (claim(&store).await.expect("one waits").lease(), success("1"));
    for _ in 0..2 {
        // As after an answer that was lost.
        store.finish_execution(lease, end.clone(), Vec::new()).await.unwrap();
    }
    store.finish_execution(lease, success("2"), Vec::new()).await.expect_err("it is another end");
}
