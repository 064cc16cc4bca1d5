//! Logs and metrics: what an operator sees of the gateway.
//!
//! Logs are one line per event on standard output, [human](LogFormat::Human) or [JSON](LogFormat::Json), written by
//! a thread of their own. Each line carries the fields of the spans it happened in, so that a request's
//! `correlation_id` is in every line of the request. Lines are never waited for: when standard output is blocked and
//! the buffer is full, they are dropped and [counted](DroppedLines). A warning or an error that is said again within ten seconds is
//! written once, and then how often it was held back.
//!
//! Metrics go through the `metrics` facade into Prometheus' text format. Histograms named `*_seconds` have buckets
//! from 0.5 ms to 120 s, and each metric of the gateway has its `# HELP`. Nothing is spawned here: [`upkeep`] is a future that somebody has to run.
//!
//! # Examples
//! In a program:
//! ```no_run
//! use integridai_gateway::telemetry::{LogOptions, TelemetryError, init, install, upkeep};
//!
//! # async fn run() -> Result<(), TelemetryError> {
//! let _flushes_when_dropped = init(&LogOptions::default())?;
//! let prometheus = install()?;
//! tokio::spawn(upkeep(prometheus.clone()));
//! tracing::info!("ready");
//! # Ok(())
//! # }
//! ```
//! In a test, without touching what is global:
//! ```
//! use integridai_gateway::telemetry::{LogFormat, LogOptions, build_recorder, dispatch};
//!
//! # fn main() -> Result<(), integridai_gateway::telemetry::TelemetryError> {
//! let options = LogOptions { format: LogFormat::Json, filter: "debug,hyper=off".into(), ..LogOptions::default() };
//! let logs = dispatch(&options, std::io::sink)?;
//! tracing::dispatcher::with_default(&logs, || tracing::debug!(answer = 42, "quiet"));
//!
//! let recorder = build_recorder();
//! metrics::with_local_recorder(&recorder, || metrics::counter!("calls_total").increment(1));
//! assert!(recorder.handle().render().contains("calls_total 1"));
//! # Ok(())
//! # }
//! ```
mod descriptions;
mod error;
mod logs;
mod metrics;
mod series;
pub mod traces;

pub use error::TelemetryError;
pub use logs::{
    AccessFormat, DroppedLines, LogFilter, LogFormat, LogGuard, LogOptions, dispatch, init, tell_held_lines,
};
pub use metrics::{METRICS_CONTENT_TYPE, PrometheusHandle, build_recorder, install, upkeep};
pub use series::Series;
