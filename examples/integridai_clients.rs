//! The clients of the three services, against simulated ones: whatever shape an answer has, it reads the same.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use http::StatusCode;
use integridai_gateway::demo::{
    AnalysisShape, DEMO_SESSION, Failure, Shapes, Simulator, SimulatorOptions, Simulators,
};
use integridai_tower::client::integridai::{
    DashboardClient, FlaiSimulatorClient, MetricsUpdate, Provider, RegTechClient,
};
use integridai_tower::client::{ServiceClient, transport::HyperTransport};
use integridai_tower::{BoxError, ConfigError};

const NOW: &str = "2026-11-24T10:00:00Z";

fn client(
    service: &Simulator,
    transport: &HyperTransport,
) -> Result<ServiceClient<HyperTransport>, ConfigError> {
    ServiceClient::new(service.name(), &service.url(), transport.clone())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let simulators = Simulators::start(&SimulatorOptions::default())?;
    // One pool of connections for all three.
    let transport = HyperTransport::new();
    let regtech = RegTechClient::new(client(&simulators.regtech, &transport)?);
    let training = FlaiSimulatorClient::new(client(&simulators.flaisimulator, &transport)?);
    let dashboard = DashboardClient::new(client(&simulators.dashboard, &transport)?);

    let provider = Provider::new("Acme SA", "30-12345678-9", "tecnologia");
    for analysis in [AnalysisShape::A, AnalysisShape::B, AnalysisShape::C] {
        simulators.regtech.control().shape(Shapes { analysis, ..Shapes::default() });
        let found = regtech.analyze_provider(&provider).send().await?;
        println!(
            "shape {analysis:?}: {:?} ({:?}), risk {:?}",
            found.score, found.score_basis, found.risk_level
        );
        // The key makes it one update, however often it is sent.
        let update = MetricsUpdate::ProviderAnalysis(&found.raw);
        dashboard.update_metrics(update, NOW).idempotency_key(format!("{analysis:?}")).send().await?;
    }

    let session = training.training_session(DEMO_SESSION).send().await?;
    dashboard.update_metrics(MetricsUpdate::TrainingUpdate(&session.session), NOW).send().await?;

    let (compliance, users, board) = tokio::try_join!(
        regtech.compliance_dashboard().send(),
        training.metrics().send(),
        dashboard.metrics().send(),
    )?;
    println!(
        "providers: {:?}, mean score: {:?}",
        compliance.total_providers, compliance.avg_compliance_score
    );
    println!("users: {:?}, completion rate: {:?} %", users.users, board.completion_rate);

    simulators.regtech.control().fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).retry_after(2));
    if let Err(error) = regtech.analyze_provider(&provider).send().await {
        println!("{error}\n  whose fault: {:?}, to be repeated: {:?}", error.fault(), error.retry());
    }
    simulators.stop().await;
    Ok(())
}
