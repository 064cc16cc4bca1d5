use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

use super::layer::LOOK;
use crate::telemetry::TelemetryError;

/// Which events are written; it may change at any time. A clone is the same.
#[derive(Clone)]
pub struct LogFilter(Arc<ArcSwap<Rules>>);

/// Chooses events by target and level, and lets spans pass that are not mere debugging: a warning has to show its
/// request's fields even where the request itself is not worth a line.
#[derive(Debug)]
pub(super) struct EventFilter(pub(super) LogFilter);

#[derive(Debug)]
struct Rules {
    text: String,
    targets: Targets,
    most_verbose: LevelFilter,
}

impl LogFilter {
    pub(super) fn parse(text: &str) -> Result<Self, TelemetryError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Rules::parse(text)?))))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.load().text.clone()
    }

    /// From now on this one: a level, then exceptions as `target=level`.
    ///
    /// # Errors
    /// When it cannot be read; it stays as it was.
    pub fn set(&self, text: &str) -> Result<(), TelemetryError> {
        self.0.store(Arc::new(Rules::parse(text)?));
        // Each place that logs remembers what was said of it.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.0.load().text).finish()
    }
}

impl Rules {
    fn parse(text: &str) -> Result<Self, TelemetryError> {
        let unread = |source| TelemetryError::Filter { filter: text.to_owned(), source };
        let targets: Targets = text.parse().map_err(unread)?;
        let levels = targets.iter().map(|(_, level)| level).chain(targets.default_level());
        let most_verbose = levels.fold(LevelFilter::INFO, Ord::max);
        Ok(Self { text: text.to_owned(), targets, most_verbose })
    }

    fn lets_pass(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && *metadata.level() <= Level::INFO)
            || metadata.target() == LOOK
            || self.targets.would_enable(metadata.target(), metadata.level())
    }
}

impl<S: Subscriber> Layer<S> for EventFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.0.load().lets_pass(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.0.0.load().lets_pass(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.0.load().most_verbose)
    }
}
