//! Clients of the three services of the IntegridAI ecosystem.
//!
//! The services answer in more than one shape: figures nested or flat, analyses as the running service, the
//! documented API or the challenge's own test write them. The clients read every documented shape into one
//! normalised view and keep the answer as it came beside it, unknown fields included.
//!
//! ```
//! # #[cfg(feature = "client-hyper")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use integridai_tower::client::integridai::{Provider, RegTechClient};
//! use integridai_tower::client::{ServiceClient, transport::HyperTransport};
//!
//! let regtech = RegTechClient::new(ServiceClient::new("regtech", "http://localhost:3000", HyperTransport::new())?);
//! let provider = Provider::new("Acme SA", "30-12345678-9", "tecnologia");
//! let analysis = regtech.analyze_provider(&provider).send().await?;
//! println!("{:?} {:?}", analysis.score, analysis.risk_level);
//! # Ok(())
//! # }
//! ```

mod analysis;
mod dashboard;
mod figure;
mod flaisimulator;
mod json_object;
mod raw_json;
mod refusal;
mod regtech;

pub use analysis::{Analysis, RiskLevel, ScoreBasis};
pub use dashboard::{
    DashboardClient, DashboardFigures, DashboardMetrics, DashboardPaths, MetricsUpdate, UpdateMetrics,
};
pub use flaisimulator::{
    FlaiSimulatorClient, FlaiSimulatorPaths, GetTrainingSession, TrainingFigures, TrainingMetrics,
    TrainingSession,
};
pub use json_object::JsonObject;
pub use raw_json::RawJson;
pub use regtech::{
    AnalyzeProvider, ComplianceDashboard, ComplianceFigures, Provider, RegTechClient, RegTechPaths,
};

/// One path segment, percent-encoded where RFC 3986 §3.3 asks for it.
fn encode_segment(path: &mut String, segment: &str) {
    use std::fmt::Write as _;

    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a String takes all");
        }
    }
}
