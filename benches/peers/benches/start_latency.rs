//! How long after it was handed in an urgent execution starts: with nothing else to do, and while another principal's 5 000 of low
//! priority are worked off, on SQLite and on PostgreSQL, with as many workers as the gateway has by default.
//!
//! PostgreSQL has to be installed.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "queue/rig.rs"]
mod rig;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use integridai_gateway::config::Config;
use integridai_gateway::orchestration::{
    Check, Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult, Workflows,
};
use integridai_gateway::store::{PostgresOptions, Store, StoreOptions};
use rig::Rig;
use support::postgres::Postgres;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const FLOOD: usize = 5_000;
const SAMPLES: usize = 41;
/// What one of the flood takes: so long that all workers are busy with them.
const WORK: Duration = Duration::from_millis(20);

static STARTED: Notify = Notify::const_new();

const URGENT: Workflow =
    Workflow { name: "urgent", payload_is_optional: true, prepare: |_, _| Some(Arc::new(Urgent)) };
const SLOW: Workflow = Workflow { name: "slow", payload_is_optional: true, prepare: slow };

fn slow(_: Payload<'_>, _: &mut Check) -> Option<Arc<dyn Job>> {
    Some(Arc::new(Slow))
}

#[derive(Debug)]
struct Urgent;

impl Job for Urgent {
    fn run<'a>(
        &'a self,
        _: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        STARTED.notify_one();
        std::future::ready(Ok(WorkflowResult::of(run))).boxed()
    }
}

#[derive(Debug)]
struct Slow;

impl Job for Slow {
    fn run<'a>(
        &'a self,
        _: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        async move {
            tokio::time::sleep(WORK).await;
            Ok(WorkflowResult::of(run))
        }
        .boxed()
    }
}

async fn start_latencies(rig: &Rig) -> Vec<f64> {
    let mut latencies = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES {
        let began = Instant::now();
        rig.hand_in(URGENT.name, number, "hurried", "high").await;
        STARTED.notified().await;
        latencies.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(WORK).await;
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

async fn flood(rig: &Rig) {
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let rig = rig.clone();
        callers.spawn(async move {
            for number in 0..FLOOD / 50 {
                rig.hand_in(SLOW.name, number, "flood", "low").await;
            }
        });
    }
    callers.join_all().await;
}

async fn measure(name: &str, store: Store) {
    let config = Config::default();
    let workflows = Workflows::new(config.workflows.clone()).with(URGENT).with(SLOW);
    let rig = Rig::new(&config, store.clone(), workflows);
    rig.queue.start(config.executions.workers.get());
    let idle = start_latencies(&rig).await;
    flood(&rig).await;
    let flooded = start_latencies(&rig).await;
    let left = store.queued_executions().await.expect("a count");
    assert!(left > 0, "the flood was over before the last urgent one came");
    rig.queue.drain(Duration::from_secs(5)).await;
    let (middle, last) = (SAMPLES / 2, SAMPLES - 1);
    println!(
        "start latency on {name}: idle {:.1} ms (at most {:.1}), behind a flood of {FLOOD} {:.1} ms (at most {:.1}): {:.1} ms more (at most {:.1})",
        idle[middle],
        idle[last],
        flooded[middle],
        flooded[last],
        flooded[middle] - idle[middle],
        flooded[last] - idle[middle],
    );
    store.close(Duration::from_secs(5)).await.expect("all is written");
}

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let postgres = Postgres::start();
    let url = postgres.create_database("start_latency");
    runtime.block_on(async {
        let file = Store::open(StoreOptions::new(folder.path().join("gateway.db")));
        measure("SQLite", file.expect("a file")).await;
        let server = Store::connect(PostgresOptions::new(url.parse().expect("a URL"))).await;
        measure("PostgreSQL", server.expect("a database")).await;
    });
}
