use metrics_exporter_prometheus::PrometheusRecorder;
use tracing::dispatcher::SetGlobalDefaultError;
use tracing_subscriber::filter::ParseError;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The log filter is not a list of `target=level`.
    #[error("the log filter `{filter}` is not a comma separated list of levels and target=level")]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The process logs already.
    #[error("a log subscriber is installed already")]
    LogsInstalled(#[source] SetGlobalDefaultError),
    /// The collector of spans cannot be used.
    #[error("traces cannot be sent to traces.endpoint: {0}")]
    Collector(#[source] tower::BoxError),
    /// Spans go somewhere already.
    #[error("traces are sent to a collector already")]
    TracesInstalled,
    /// The build has nothing that sends spans.
    #[error("this build sends no traces: it lacks the cargo feature `otlp`")]
    NoTraces,
    /// The process has a metrics recorder that is not ours.
    #[error("another metrics recorder is installed already")]
    RecorderInstalled(#[source] ::metrics::SetRecorderError<PrometheusRecorder>),
}
