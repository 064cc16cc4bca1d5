//! `complete_analysis`: RegTech analyses a provider, then the Dashboard is told.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use integridai_tower::client::ClientError;
use integridai_tower::client::integridai::{Analysis, MetricsUpdate, Provider, RawJson, RiskLevel};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::check::Check;
use super::journal::Done;
use super::{Engine, Job, Payload, Run, Workflow, WorkflowError, WorkflowResult, cuit, exact};
use crate::config::WorkflowsConfig;
use crate::events::EventType;

/// The data of an `analysis_complete` event.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisResult<'a> {
    /// The execution's id.
    pub workflow_id: String,
    /// RegTech's id of the analysis.
    pub analysis_id: Option<String>,
    /// The provider's name.
    #[schema(example = "Acme SA")]
    pub provider: &'a str,
    /// The provider's tax id.
    #[schema(example = "30-12345678-9")]
    pub cuit: &'a str,
    /// The provider's sector.
    #[schema(example = "tecnologia")]
    pub sector: &'a str,
    /// The score, 0 to 100.
    #[schema(example = 85.5)]
    pub score: Option<f64>,
    /// `compliance`: more is better; `risk`: less is.
    #[schema(example = "compliance")]
    pub score_basis: &'static str,
    /// `low`, `medium`, `high` or `critical`.
    #[schema(example = "low")]
    pub risk_level: Option<&'static str>,
    /// Whether the Dashboard was told.
    #[schema(example = true)]
    pub dashboard_updated: bool,
}

pub(super) const WORKFLOW: Workflow =
    Workflow { name: "complete_analysis", payload_is_optional: false, prepare };

const MAX_NAME: usize = 200;
const MAX_SECTOR: usize = 100;

/// Analyse this provider.
#[derive(Debug)]
struct CompleteAnalysis(Provider);

fn prepare(payload: Payload<'_>, check: &mut Check) -> Option<Arc<dyn Job>> {
    let provider = provider(check, payload.fields, payload.text, payload.config)?;
    Some(Arc::new(CompleteAnalysis(provider)))
}

impl Job for CompleteAnalysis {
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        run: &'a mut Run,
    ) -> BoxFuture<'a, Result<WorkflowResult, WorkflowError>> {
        analyze_and_tell(engine, &self.0, run).boxed()
    }
}

async fn analyze_and_tell(
    engine: &Engine,
    provider: &Provider,
    run: &mut Run,
) -> Result<WorkflowResult, WorkflowError> {
    let mut fresh = None;
    let done = analyze(engine, provider, run, &mut fresh).await.map_err(|error| run.failed(error))?;
    let analysis = match fresh {
        Some(analysis) => analysis,
        None => of_earlier_run(&done)?,
    };
    let told = match tell(engine, &done, run).await.map_err(|error| run.failed(error)) {
        Err(failure) if failure.again_in.is_some() => return Err(failure),
        told => told,
    };
    if let Err(WorkflowError { source: Some(error), .. }) = &told {
        engine.dashboard_alert(run, error);
    }
    let result = AnalysisResult {
        workflow_id: run.id.to_string(),
        analysis_id: analysis.analysis_id,
        provider: &provider.name,
        cuit: &provider.cuit,
        sector: &provider.sector,
        score: analysis.score,
        score_basis: analysis.score_basis.as_str(),
        risk_level: analysis.risk_level.map(RiskLevel::as_str),
        dashboard_updated: told.is_ok(),
    };
    engine.emit(EventType::AnalysisComplete, "regtech", &result, run);
    Ok(WorkflowResult {
        regtech_analysis: Some(done.output),
        dashboard_updated: Some(told.is_ok()),
        ..WorkflowResult::of(run)
    })
}

/// An analysis that was just made is left in `fresh`, so that it is not read a second time.
async fn analyze(
    engine: &Engine,
    provider: &Provider,
    run: &mut Run,
    fresh: &mut Option<Analysis>,
) -> Result<Done, ClientError> {
    let clients = engine.clients();
    let call = clients
        .regtech
        .analyze_provider(provider)
        .deadline(run.deadline)
        .correlation_id(&run.correlation_id)
        .idempotency_key(run.idempotency_key("regtech"));
    let made = async { call.send().await.map(|analysis| fresh.insert(analysis).raw.clone()) };
    run.journal.step(&engine.calls, "regtech.analyze_provider", made).await
}

fn of_earlier_run(done: &Done) -> Result<Analysis, WorkflowError> {
    Analysis::read(done.output.as_bytes()).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "an analysis that was read before cannot be read again"
        );
        WorkflowError::new(StatusCode::INTERNAL_SERVER_ERROR, "the analysis could not be read")
    })
}

async fn tell(engine: &Engine, analysis: &Done, run: &mut Run) -> Result<(), ClientError> {
    let clients = engine.clients();
    let call = clients
        .dashboard
        .update_metrics(MetricsUpdate::ProviderAnalysis(&analysis.output), &analysis.finished_at)
        .deadline(run.deadline)
        .correlation_id(&run.correlation_id)
        .idempotency_key(run.idempotency_key("dashboard"));
    let told = async { call.send().await.map(|()| RawJson::from(true)) };
    run.journal.step(&engine.calls, "dashboard.update_metrics", told).await.map(drop)
}

/// The provider stands in `payload.provider`, or its fields are the payload's own.
fn provider(
    check: &mut Check,
    mut payload: Map<String, Value>,
    text: &str,
    config: &WorkflowsConfig,
) -> Option<Provider> {
    let (at, path, mut fields) = match payload.remove("provider") {
        None => ("/payload", &["payload"][..], payload),
        nested => {
            let fields = check.object("/payload/provider", nested);
            ("/payload/provider", &["payload", "provider"][..], fields)
        }
    };
    if check.found("/payload/provider") {
        return None;
    }
    let name = check.text((at, "name"), fields.remove("name").as_ref(), MAX_NAME);
    let cuit = check.text((at, "cuit"), fields.remove("cuit").as_ref(), cuit::MAX_LEN);
    let sector = check.text((at, "sector"), fields.remove("sector").as_ref(), MAX_SECTOR);
    if let Some(Err(expected)) = cuit.as_deref().map(|text| cuit::check(text, config.verify_cuit_check_digit))
    {
        check.note(format!("{at}/cuit"), expected);
    }
    for (key, is_right, expected) in [
        ("documents", Value::is_array as fn(&Value) -> bool, "expected an array"),
        ("contact_email", Value::is_string, "expected a string"),
        ("additional_data", Value::is_object, "expected an object"),
    ] {
        if fields.get(key).is_some_and(|value| !value.is_null() && !is_right(value)) {
            check.note(format!("{at}/{key}"), expected);
        }
    }
    let mut provider = Provider::new(name?, cuit?, sector?);
    if !fields.is_empty() {
        provider.other = exact::members(text, path).expect("the fields were read from this text");
        provider.other.retain(|name, _| fields.contains_key(name));
    }
    Some(provider)
}
