//! A workflow of one's own in the gateway: what it checks, what it does, and the one line that registers it.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{DEMO_SESSION, SimulatorOptions, Simulators};
use integridai_gateway::orchestration::{
    Check, Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult, Workflows,
};
use integridai_tower::BoxError;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// `session_report`: FLAISimulator is asked for a session, which is the result.
pub(crate) const SESSION_REPORT: Workflow =
    Workflow { name: "session_report", payload_is_optional: false, prepare };

#[derive(Debug)]
struct SessionReport {
    session_id: String,
}

fn prepare(Payload { mut fields, .. }: Payload<'_>, check: &mut Check) -> Option<Arc<dyn Job>> {
    check.only_known("/payload", &fields, &["session_id"]);
    let session_id = check.text(("/payload", "session_id"), fields.remove("session_id").as_ref(), 100)?;
    Some(Arc::new(SessionReport { session_id }))
}

impl Job for SessionReport {
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        report(engine, &self.session_id, run).boxed()
    }
}

async fn report(engine: &Engine, id: &str, run: &mut Run) -> Result<WorkflowResult, WorkflowError> {
    let clients = engine.clients();
    let call = clients
        .flaisimulator
        .training_session(id)
        .deadline(run.deadline)
        .correlation_id(&run.correlation_id)
        .idempotency_key(run.idempotency_key("session"));
    // Kept, so that a run after a restart does not ask again; tried again later if it fails for a reason that may pass.
    let asked = async { call.send().await.map(|answer| answer.session) };
    let done = run.journal.step(engine.calls(), "flaisimulator.training_session", asked).await;
    let session = done.map_err(|error| run.failed(error))?.output;
    Ok(WorkflowResult { output: Some(session), ..WorkflowResult::of(run) })
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let simulators = Simulators::start(&SimulatorOptions::default())?;
    let folder = tempfile::tempdir()?;
    let settings = [
        ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("INTEGRIDAI_AUTH__DISABLED", "true".to_owned()),
        ("INTEGRIDAI_DATABASE__PATH", folder.path().join("gateway.db").display().to_string()),
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", simulators.regtech.url()),
        ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url()),
        ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url()),
    ];
    let config = Config::load(None, settings.map(|(key, value)| (key.to_owned(), value)))?;
    let workflows = Workflows::new(config.workflows.clone()).with(SESSION_REPORT);
    let app = App::build_with(config, workflows).await?;
    let url = format!("http://{}/api/v1/gateway/execute", app.address());
    let (shutdown, told) = oneshot::channel::<()>();
    let gateway = tokio::spawn(app.run(async {
        // Dropping the sender says the same.
        let _ = told.await;
    }));

    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = json!({"workflow": "session_report", "payload": {"session_id": DEMO_SESSION}});
    // Through the queue, as everything that is waited for so: it would survive a restart.
    let asked = client.post(&url).header("prefer", "wait=30").json(&request).send().await?;
    let result: Value = asked.error_for_status()?.json().await?;
    println!("{}", result["output"]);
    assert_eq!(result["output"]["session_id"], DEMO_SESSION);

    let wrong = json!({"workflow": "session_report", "payload": {}});
    let refused = client.post(&url).json(&wrong).send().await?;
    println!("{} {}", refused.status(), refused.text().await?);

    drop(shutdown);
    gateway.await??;
    simulators.stop().await;
    Ok(())
}
