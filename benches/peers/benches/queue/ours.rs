//! The gateway's queue and its workers, with the bounds and the number of workers that the gateway has by default.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use integridai_gateway::config::Config;
use integridai_gateway::orchestration::{
    Check, Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult, Workflows,
};
use integridai_gateway::store::{ExecutionFilter, ExecutionState, PostgresOptions, Store};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::rig::Rig;
use crate::{CALLERS, EXECUTIONS, Sitting};

static DONE: AtomicUsize = AtomicUsize::new(0);
static ALL_DONE: Notify = Notify::const_new();

const NOTHING: Workflow = Workflow { name: "nothing", payload_is_optional: true, prepare };

#[derive(Debug)]
struct Nothing;

fn prepare(_: Payload<'_>, _: &mut Check) -> Option<Arc<dyn Job>> {
    Some(Arc::new(Nothing))
}

impl Job for Nothing {
    fn run<'a>(
        &'a self,
        _: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        if DONE.fetch_add(1, Ordering::Relaxed) + 1 == EXECUTIONS {
            ALL_DONE.notify_one();
        }
        std::future::ready(Ok(WorkflowResult::of(run))).boxed()
    }
}

pub(crate) async fn sit(url: &str) -> Sitting {
    DONE.store(0, Ordering::Relaxed);
    let config = Config::default();
    let options = PostgresOptions::new(url.parse().expect("a URL"));
    let store = Store::connect(options).await.expect("a database");
    let rig = Rig::new(&config, store.clone(), Workflows::new(config.workflows.clone()).with(NOTHING));
    let began = Instant::now();
    hand_in(&rig).await;
    let handed_in = began.elapsed();
    let began = Instant::now();
    rig.queue.start(config.executions.workers.get());
    ALL_DONE.notified().await;
    while left(&store).await > 0 {}
    let worked_off = began.elapsed();
    rig.queue.drain(Duration::from_secs(5)).await;
    store.close(Duration::from_secs(5)).await.expect("all is written");
    Sitting { handed_in, worked_off }
}

async fn hand_in(rig: &Rig) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let rig = rig.clone();
        callers.spawn(async move {
            for number in (caller..EXECUTIONS).step_by(CALLERS) {
                rig.hand_in(NOTHING.name, number, "bench", "normal").await;
            }
        });
    }
    callers.join_all().await;
}

/// What still runs: the last ends are written after the last job was done.
async fn left(store: &Store) -> usize {
    let running = ExecutionFilter { state: Some(ExecutionState::Running), ..ExecutionFilter::default() };
    store.executions(running, 1).await.expect("a list").len()
}
