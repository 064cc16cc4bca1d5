//! apalis with its storage in PostgreSQL, as its documentation shows it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use apalis::prelude::*;
use apalis_postgres::{Config, PgPool, PostgresStorage};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::{CALLERS, EXECUTIONS, Sitting};

static DONE: AtomicUsize = AtomicUsize::new(0);
static ALL_DONE: Notify = Notify::const_new();

#[derive(Debug, Serialize, Deserialize)]
struct Nothing {
    number: usize,
}

async fn do_nothing(_: Nothing) -> Result<(), BoxDynError> {
    if DONE.fetch_add(1, Ordering::Relaxed) + 1 == EXECUTIONS {
        ALL_DONE.notify_one();
    }
    Ok(())
}

pub(crate) async fn sit(url: &str) -> Sitting {
    DONE.store(0, Ordering::Relaxed);
    // As many connections as the gateway has by default.
    let pool = PgPoolOptions::new().max_connections(10).connect(url).await.expect("a database");
    PostgresStorage::setup(&pool).await.expect("a schema");
    let backend = PostgresStorage::<Nothing>::new(&pool).with_config(Config::default().queue("bench"));
    let began = Instant::now();
    hand_in(&backend).await;
    let handed_in = began.elapsed();
    let began = Instant::now();
    let context = WorkerContext::new("bench");
    let worker = WorkerBuilder::new(&context)
        .backend(backend.with_pubsub())
        .parallelize(tokio::spawn)
        .build(do_nothing);
    let worked = tokio::spawn(worker.run());
    ALL_DONE.notified().await;
    while left(&pool).await > 0 {}
    let worked_off = began.elapsed();
    context.stop().expect("it runs");
    worked.await.expect("it ends").expect("it ends well");
    pool.close().await;
    Sitting { handed_in, worked_off }
}

async fn hand_in(backend: &PostgresStorage<Nothing>) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let mut backend = backend.clone();
        callers.spawn(async move {
            for number in (caller..EXECUTIONS).step_by(CALLERS) {
                backend.push(Nothing { number }).await.expect("it is stored");
            }
        });
    }
    callers.join_all().await;
}

async fn left(pool: &PgPool) -> i64 {
    let statement = "SELECT count(*) FROM (SELECT 1 FROM apalis.jobs WHERE status <> 'Done' LIMIT 1) AS one";
    sqlx::query_scalar(statement).fetch_one(pool).await.expect("a count")
}
