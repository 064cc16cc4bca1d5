//! `metrics_update`: the consolidated metrics are gathered anew, in the background.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::check::Check;
use super::{Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult};

pub(super) const WORKFLOW: Workflow = Workflow { name: "metrics_update", payload_is_optional: true, prepare };

#[derive(Debug)]
struct MetricsUpdate;

fn prepare(_: Payload<'_>, _: &mut Check) -> Option<Arc<dyn Job>> {
    Some(Arc::new(MetricsUpdate))
}

impl Job for MetricsUpdate {
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        let consolidated = engine.consolidated.clone();
        tokio::spawn(async move { consolidated.refresh().await });
        let result = WorkflowResult { status: Some("metrics_update_queued"), ..WorkflowResult::of(run) };
        std::future::ready(Ok(result)).boxed()
    }
}
