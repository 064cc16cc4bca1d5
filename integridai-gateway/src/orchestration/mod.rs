//! Workflows over the three services: what may be asked, how it is done, and what is done later.
//!
//! | workflow | steps | ends well when |
//! | --- | --- | --- |
//! | `complete_analysis` | RegTech analyses the provider, the Dashboard is told | there is an analysis; a Dashboard that fails leaves `dashboard_updated: false` and an alert |
//! | `training_sync` | the session is fetched unless it came along, the Dashboard is told | the Dashboard knows |
//! | `metrics_update` | none | at once; the metrics are gathered in the background |
//!
//! Every call to a service carries the deadline, the correlation id and the idempotency key `execution id:step`. Another workflow
//! is one file and one line: see [`Workflows`].

mod backoff;
mod check;
mod complete_analysis;
mod cuit;
mod engine;
mod exact;
mod failure;
mod journal;
mod metrics_update;
mod options;
mod queue;
mod request;
mod run;
mod training_sync;
mod triggers;
mod workflow;

pub use backoff::Backoff;
pub use check::{Check, Place};
pub use complete_analysis::AnalysisResult;
pub use engine::{Engine, WorkflowResult};
pub use failure::WorkflowError;
pub use journal::{Done, Journal, Step, StepStatus};
pub use options::Start;
pub use queue::{Handed, NotAccepted, Queue, QueueOptions};
pub use request::{ExecuteRequest, Invalid};
pub use run::{Caller, Run};
pub use training_sync::TrainingUpdate;
pub use triggers::{NotTriggered, Triggered, Triggers, UnknownWorkflow};
pub use workflow::{Job, Payload, Prepare, Workflow, Workflows};
