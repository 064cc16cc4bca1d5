//! Work ends with its lease, and with its deadline, whatever else goes on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{SimulatorOptions, Simulators};
use integridai_gateway::orchestration::{
    Caller, Engine, ExecuteRequest, Job, Queue, Run, Workflow, WorkflowError, WorkflowResult, Workflows,
};
use integridai_gateway::store::{ExecutionState, JsonText, PostgresOptions, Store};
use integridai_tower::CorrelationId;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::servers::postgres::Postgres;
use crate::support::queue::{config, queue_with, store};
use crate::support::{until, within};

static BEGUN: Notify = Notify::const_new();
static CUT: Notify = Notify::const_new();

const ENDLESS: Workflow =
    Workflow { name: "endless", payload_is_optional: true, prepare: |_, _| Some(Arc::new(Endless)) };

#[derive(Debug)]
struct Endless;

impl Job for Endless {
    fn run<'a>(
        &'a self,
        _: &'a Engine,
        _: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        async {
            let _told = Told;
            BEGUN.notify_one();
            std::future::pending().await
        }
        .boxed()
    }
}

/// Of work that is dropped.
struct Told;

impl Drop for Told {
    fn drop(&mut self) {
        CUT.notify_one();
    }
}

fn services() -> Simulators {
    Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports")
}

fn workflows(config: &Config) -> Workflows {
    Workflows::new(config.workflows.clone()).with(ENDLESS)
}

async fn accept(queue: &Queue, config: &Config, timeout_seconds: u64) -> Uuid {
    let value = json!({
        "workflow": ENDLESS.name, "options": {"async": true, "timeout": timeout_seconds}
    });
    let body = JsonText::from(value.clone());
    let request =
        ExecuteRequest::parse(value, body.as_str(), &workflows(config), false).expect("it is right");
    let correlation_id = CorrelationId::generate();
    let caller = Caller { correlation_id, user_id: None, owner: None, principal: "somebody".to_owned() };
    let id = Uuid::now_v7();
    queue.accept(id, &request, body, caller, None).await.expect("there is room");
    id
}

/// From here on whoever extends a lease gets no answer for an hour.
const SILENCE: &str = "
    CREATE FUNCTION say_nothing() RETURNS TRIGGER LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(3600); RETURN NEW; END $$;
    CREATE TRIGGER silence BEFORE UPDATE ON executions FOR EACH ROW
        WHEN (OLD.state = 'running' AND NEW.state = 'running') EXECUTE FUNCTION say_nothing()";

#[tokio::test]
async fn work_is_cut_when_its_lease_ends_while_the_database_says_nothing() {
    let server = Postgres::start();
    let url = server.create_database("gateway").parse().expect("a URL");
    let options =
        PostgresOptions { statement_timeout: Duration::from_secs(3_600), ..PostgresOptions::new(url) };
    let store = Store::connect(options).await.expect("a database");
    let services = services();
    let config = config(&services, &[("EXECUTIONS__LEASE_SECONDS", "3")]);
    let queue = queue_with(&config, &store, workflows(&config));
    queue.start(1);
    accept(&queue, &config, 3_600).await;
    within(BEGUN.notified()).await;
    server.query("gateway", SILENCE);
    within(CUT.notified()).await;
    let asking = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    assert_eq!(server.query("gateway", asking), "t", "the worker waits for an answer");
}

#[tokio::test]
async fn what_waits_beyond_its_deadline_is_ended_while_no_worker_is_free() {
    let (folder, services) = (tempfile::tempdir().expect("a temporary folder"), services());
    let (config, store) = (config(&services, &[]), store(folder.path()));
    let queue = queue_with(&config, &store, workflows(&config));
    queue.start(0);
    let id = accept(&queue, &config, 1).await;
    let ended = until("its end", async || {
        let found = store.execution(id).await.expect("it can be read")?;
        found.state.is_finished().then_some(found)
    });
    let ended = ended.await;
    assert_eq!((ended.state, ended.attempts), (ExecutionState::Failed, 0));
    assert!(ended.error.expect("a reason").as_str().contains("504"));
    queue.drain(Duration::from_secs(5)).await;
}
