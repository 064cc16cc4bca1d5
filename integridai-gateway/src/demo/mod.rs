//! The three services of the ecosystem, simulated: real HTTP servers on loopback, for `demo` and for tests.
//!
//! They answer in the documented shapes, their figures move as they are used, and a control call makes them
//! fail in every way a service can.
//!
//! | service | calls |
//! | --- | --- |
//! | `RegTech` | `POST /analyze_provider`, `GET /compliance_dashboard`, `GET /regulatory_updates`, `GET /health` |
//! | FLAISimulator | `GET /api/v1/metrics`, `POST /api/v1/training/sessions`, `GET …/sessions/{id}`, `POST …/sessions/{id}/responses`, `GET …/users/{id}/progress`, `GET /health` |
//! | dashboard | `POST /api/update_metrics`, `GET /api/v1/dashboard/metrics`, `GET /health` |
//! | each | `GET`, `POST`, `DELETE /_control`, `GET /_control/requests`, `GET /_control/keys` |
//!
//! ```
//! use integridai_gateway::demo::{Failure, SimulatorOptions, Simulators};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let simulators = Simulators::start(&SimulatorOptions::default())?;
//! simulators.regtech.control().fail(Failure::error(http::StatusCode::SERVICE_UNAVAILABLE).times(1));
//! simulators.dashboard.stop().await;
//! simulators.dashboard.restart().await?;
//! # simulators.stop().await;
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Over HTTP the same failure is `POST /_control` with `{"mode":"error","status":503,"times":1}`. The modes are
//! `ok`, `error`, `hang`, `malformed`, `huge`, `truncate`, `reset` and `slow_body`; further keys are `status`,
//! `latency_ms`, `paths`, `times`, `probability`, `retry_after` (seconds), `apply`, `interval_ms`, and, with or
//! without a mode, `error_shape` (`text`, `object`), `analysis_shape` (`A`, `B`, `C`) and `metrics_shape`
//! (`nested`, `flat`). A page of another site gets 403: the browser tells by `Origin` or `Sec-Fetch-Site`.
use std::io;
use std::sync::Arc;

mod answer;
mod body;
mod chance;
mod control;
mod control_call;
mod control_request;
mod dashboard;
mod failure;
mod fifo;
mod flaisimulator;
mod gate;
mod latency;
mod listener;
mod options;
mod origin;
mod passage;
mod regtech;
mod report;
mod routing;
mod simulator;
mod welcome;

pub use control::Control;
pub use failure::Failure;
pub use flaisimulator::DEMO_SESSION;
pub use latency::{Latency, LatencyError};
pub use options::{AnalysisShape, ErrorShape, MetricsShape, Port, ServiceOptions, Shapes, SimulatorOptions};
pub use report::{ControlReport, KeyUse, RecordedRequest};
pub use simulator::Simulator;
pub use welcome::{Credentials, welcome};

use dashboard::Dashboard;
use flaisimulator::FlaiSimulator;
use gate::Gate;
use regtech::RegTech;
use routing::Backend;

/// The three services, running. Dropping them stops them.
#[derive(Debug)]
pub struct Simulators {
    /// Provider compliance analysis.
    pub regtech: Simulator,
    /// Ethics training.
    pub flaisimulator: Simulator,
    /// The unified dashboard.
    pub dashboard: Simulator,
}

impl Simulators {
    /// Starts all three on 127.0.0.1.
    ///
    /// # Errors
    /// When a port cannot be had: [`Port::Exactly`] is taken, or no port is free.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time enabled.
    pub fn start(options: &SimulatorOptions) -> io::Result<Self> {
        let seed = options.seed;
        let start = |name, service: ServiceOptions, offset: u64, backend: Box<dyn Backend>| {
            let seed = seed.wrapping_add(offset);
            let control = Arc::new(Control::new(name, service.shapes, seed));
            Simulator::start(Gate::new(backend, control, options.latency, seed), service.port)
        };
        Ok(Self {
            regtech: start("regtech", options.regtech, 1, Box::new(RegTech::new(seed)))?,
            flaisimulator: start(
                "flaisimulator",
                options.flaisimulator,
                2,
                Box::new(FlaiSimulator::new(seed)),
            )?,
            dashboard: start("dashboard", options.dashboard, 3, Box::new(Dashboard::new(seed)))?,
        })
    }

    /// All three, in a fixed order.
    #[must_use]
    pub fn all(&self) -> [&Simulator; 3] {
        [&self.regtech, &self.flaisimulator, &self.dashboard]
    }

    /// Stops all three; see [`Simulator::stop`].
    pub async fn stop(&self) {
        for simulator in self.all() {
            simulator.stop().await;
        }
    }
}
