//! What can be chosen when the simulated services are started.
use serde::{Deserialize, Serialize};

use super::latency::Latency;

/// How the three services are started. The default suits tests: free ports, no latency, documented shapes.
#[derive(Clone, Debug, Default)]
pub struct SimulatorOptions {
    /// The `RegTech` engine.
    pub regtech: ServiceOptions,
    /// The training service.
    pub flaisimulator: ServiceOptions,
    /// The dashboard.
    pub dashboard: ServiceOptions,
    /// How long the services take to answer.
    pub latency: Latency,
    /// One seed gives one run: the figures at the start, the delays, and which requests fail by chance.
    pub seed: u64,
}

impl SimulatorOptions {
    /// What a demonstration wants: the services' usual ports where they are free, and delays as in real life.
    #[must_use]
    pub fn demonstration() -> Self {
        let preferred = |port| ServiceOptions { port: Port::Prefer(port), shapes: Shapes::default() };
        Self {
            regtech: preferred(3000),
            flaisimulator: preferred(8000),
            dashboard: preferred(5000),
            latency: Latency::Realistic { scale: 1.0 },
            seed: 0,
        }
    }
}

/// How one service is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceOptions {
    /// Where it listens, always on 127.0.0.1.
    pub port: Port,
    /// Which of the documented shapes it answers in; a control call can change them later.
    pub shapes: Shapes,
}

/// Which port a service listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Port {
    /// Any port that is free.
    #[default]
    Free,
    /// This one, or any free one when it cannot be had.
    Prefer(u16),
    /// This one, or an error.
    Exactly(u16),
}

/// Which of the documented shapes a service answers in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shapes {
    /// The shape of an analysis; read by the `RegTech` engine alone.
    pub analysis: AnalysisShape,
    /// Where the figures are.
    pub metrics: MetricsShape,
    /// The shape of injected errors.
    pub errors: ErrorShape,
}

/// The shape in which the `RegTech` engine answers an analysis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnalysisShape {
    /// What the running service answers: `compliance_analysis.overall_score` and the rest beside it.
    #[default]
    A,
    /// The documented one: everything inside `data`, English risk levels.
    B,
    /// The smallest one: `{success, score}`.
    C,
}

/// Where the figures of a metrics answer are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsShape {
    /// Inside an object of their own, as the running services have them.
    #[default]
    Nested,
    /// At the top level.
    Flat,
}

/// The two shapes in which the services report an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{success:false, error:"text", details}`
    #[default]
    Text,
    /// `{success:false, error:{code, message, details}}`
    Object,
}
