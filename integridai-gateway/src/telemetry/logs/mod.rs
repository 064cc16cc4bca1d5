mod access;
mod fields;
mod filter;
mod layer;
mod line;
mod output;
mod repeats;

use std::io;

use tracing::Dispatch;
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::TelemetryError;
use filter::EventFilter;
use layer::LogLayer;

pub use filter::LogFilter;
pub use line::{AccessFormat, LogFormat};
pub use output::{DroppedLines, LogGuard};

/// How to log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// What a line looks like. Default human.
    pub format: LogFormat,
    /// What the line of an answered request looks like. Default like all others.
    pub access: AccessFormat,
    /// Which events are written: a level, then exceptions as `target=level`. It does not hide a span's fields from
    /// the events inside of it. Default `info,hyper=warn`.
    pub filter: String,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: LogFormat::Human, access: AccessFormat::Line, filter: "info,hyper=warn".to_owned() }
    }
}

/// Logs to standard output from now on, for the whole process.
///
/// # Errors
/// When the filter cannot be read, or the process logs already.
pub fn init(options: &LogOptions) -> Result<LogGuard, TelemetryError> {
    let filter = LogFilter::parse(&options.filter)?;
    let stdout = io::BufWriter::new(io::stdout());
    let (writer, guard) = output::in_the_background(stdout, output::BUFFERED_LINES, filter.clone());
    let dispatch = dispatch_by(filter, options, writer);
    tracing::dispatcher::set_global_default(dispatch).map_err(TelemetryError::LogsInstalled)?;
    Ok(guard)
}

/// The same subscriber around another writer, installed nowhere.
///
/// # Errors
/// When the filter cannot be read.
pub fn dispatch<W>(options: &LogOptions, writer: W) -> Result<Dispatch, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    Ok(dispatch_by(LogFilter::parse(&options.filter)?, options, writer))
}

fn dispatch_by<W>(filter: LogFilter, options: &LogOptions, writer: W) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = LogLayer::new(options.format, options.access, writer);
    Dispatch::new(Registry::default().with(EventFilter(filter)).with(layer))
}

/// Has those lines told that were held back because they were said before, where their time is over; others look too, but there
/// may be none for long.
pub fn tell_held_lines() {
    tracing::error!(target: layer::LOOK, "look");
}

#[cfg(test)]
mod tests;
