//! Whoever floods the queue makes only its own wait longer, counted in what was started before.
use integridai_gateway::store::{
    ExecutionFilter, ExecutionState, Finished, NewExecution, Outcome, Priority, Store, cost,
};
use tokio::task::JoinSet;

use crate::homes::{Home, on_both, query};
use crate::samples::{claim, new_now, success, until};

/// Executions of low priority that one principal hands in at once.
const FLOOD: usize = 5_000;

fn of(principal: &str, priority: Priority) -> NewExecution {
    NewExecution { principal: principal.to_owned(), priority, ..new_now() }
}

async fn flood(store: &Store) {
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        callers.spawn(async move {
            for _ in 0..FLOOD / 50 {
                store.accept_execution(of("flood", Priority::Low)).await.expect("there is room");
            }
        });
    }
    callers.join_all().await;
}

/// Starts the next one, which ends at once, and answers whose it was.
async fn start(store: &Store) -> String {
    let claimed = claim(store).await.expect("one waits");
    store.finish_execution(claimed.lease(), success("1"), Vec::new()).await.expect("the lease holds");
    claimed.principal
}

#[tokio::test]
async fn an_urgent_one_is_the_next_to_start_however_many_of_somebody_else_wait() {
    on_both(async |home| {
        let store = home.open().await;
        flood(&store).await;
        for round in 0..20 {
            assert_eq!(start(&store).await, "flood", "round {round}: nobody else waits");
            store.accept_execution(of("hurried", Priority::High)).await.unwrap();
            assert_eq!(start(&store).await, "hurried", "round {round}");
        }
        assert_eq!(store.queued_executions().await.unwrap(), FLOOD as u64 - 20);
    })
    .await;
}

#[tokio::test]
async fn a_low_one_is_started_after_a_bounded_number_of_others_however_many_keep_coming() {
    on_both(async |home| {
        let store = home.open().await;
        flood(&store).await;
        // From the start of one low execution to that of the next one its rank is what others are let past.
        let most = cost(Priority::Low) / cost(Priority::Normal);
        assert_eq!(start(&store).await, "flood");
        for round in 0..3 {
            let mut others = 0;
            loop {
                store.accept_execution(of("steady", Priority::Normal)).await.unwrap();
                if start(&store).await == "flood" {
                    break;
                }
                others += 1;
                assert!(others <= most, "round {round}: the low one is starved");
            }
            assert!(others >= most / 2, "round {round}: the low one went first, after {others} others");
        }
    })
    .await;
}

#[tokio::test]
async fn on_postgresql_a_list_of_what_is_rare_reads_its_index_and_not_the_table() {
    let home = Home::postgres().await;
    let Home::Postgres(url) = &home else { unreachable!() };
    let store = home.open().await;
    query(
        url,
        "INSERT INTO executions (id, workflow, state, priority, request, timeout_ms, created_at, run_at)
         SELECT gen_random_uuid(), 'common', 'succeeded', 1, '{}', 1000, TIMESTAMP '2026-01-01' + n * INTERVAL '1 s',
             '2026-01-01' FROM generate_series(1, 20000) AS n;
         ANALYZE executions",
    );
    let rare = NewExecution { workflow: "rare".to_owned(), ..new_now() };
    store.accept_execution(rare.clone()).await.unwrap();
    let dead = Finished { outcome: Outcome::Dead { error: rare.request.clone() }, ..success("1") };
    let lease = claim(&store).await.unwrap().lease();
    store.finish_execution(lease, dead, Vec::new()).await.unwrap();
    let of_state = ExecutionFilter { state: Some(ExecutionState::Dead), ..ExecutionFilter::default() };
    let of_workflow = ExecutionFilter { workflow: Some("rare".to_owned()), ..ExecutionFilter::default() };
    for filter in [of_state, of_workflow] {
        let found = store.executions(filter, 10).await.unwrap();
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [rare.id]);
    }
    // A connection tells what it has read once it ends.
    drop(store);
    let reads = "SELECT count(*) FROM pg_stat_user_indexes
                 WHERE indexrelname IN ('executions_ended', 'executions_workflow') AND idx_scan > 0";
    until("the use of both indexes", async || query(url, reads) == "2").await;
}
