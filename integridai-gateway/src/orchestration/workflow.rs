//! What a workflow is, and which there are.
//!
//! A workflow is one file: it checks the payload of a request and makes a [`Job`] of it, which does the steps. Those
//! of the gateway are listed once, in [`Workflows::new`]; a program that embeds the gateway adds its own with
//! [`Workflows::with`]. `examples/own_workflow.rs` shows one.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::check::Check;
use super::{Engine, Run, WorkflowError, WorkflowResult, complete_analysis, metrics_update, training_sync};
use crate::config::WorkflowsConfig;

/// A workflow: its name, and how a payload becomes a job.
#[derive(Debug, Clone, Copy)]
pub struct Workflow {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether a request may leave its payload out.
    pub payload_is_optional: bool,
    /// Checks the payload; `None` if something was noted.
    pub prepare: Prepare,
}

/// Makes a job of a payload.
pub type Prepare = fn(Payload<'_>, &mut Check) -> Option<Arc<dyn Job>>;

/// The payload of a request.
#[derive(Debug)]
pub struct Payload<'a> {
    /// Its members but `user_id`.
    pub fields: Map<String, Value>,
    /// Whom it is about, as the request says.
    pub user_id: Option<String>,
    /// The whole request as it was written: a number may have more digits than a `Value` holds.
    pub text: &'a str,
    /// The limits of workflows.
    pub config: &'a WorkflowsConfig,
}

/// Something that can be done: the steps of a workflow over one payload.
///
/// A job is done again from its beginning when its run was cut short; [`Journal::step`](super::Journal::step) leaves out what is done
/// already. Each call to a service carries [`Run::idempotency_key`], and one that failed becomes [`Run::failed`].
pub trait Job: fmt::Debug + Send + Sync {
    /// Does it.
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>>;
}

/// All workflows, and their limits. A clone is the same.
#[derive(Debug, Clone)]
pub struct Workflows {
    table: Arc<[Workflow]>,
    config: Arc<WorkflowsConfig>,
}

impl Workflows {
    /// Those of the gateway: one line each.
    pub const OWN: [Workflow; 3] =
        [complete_analysis::WORKFLOW, training_sync::WORKFLOW, metrics_update::WORKFLOW];

    /// Those of the gateway.
    #[must_use]
    pub fn new(config: WorkflowsConfig) -> Self {
        Self { table: Arc::new(Self::OWN), config: Arc::new(config) }
    }

    /// One more; in the place of one of the same name.
    #[must_use]
    pub fn with(self, workflow: Workflow) -> Self {
        let others = self.table.iter().filter(|other| other.name != workflow.name).copied();
        Self { table: others.chain([workflow]).collect(), config: self.config }
    }

    /// The workflow of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Workflow> {
        self.table.iter().find(|workflow| workflow.name == name).copied()
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.table.iter().map(|workflow| workflow.name)
    }

    /// Their limits.
    #[must_use]
    pub fn config(&self) -> &WorkflowsConfig {
        &self.config
    }
}
