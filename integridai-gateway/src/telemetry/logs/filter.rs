use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Layer};

use super::layer::LOOK;

/// Chooses events by target and level, and lets spans pass that are not mere debugging: a warning has to show its
/// request's fields even where the request itself is not worth a line.
#[derive(Debug)]
pub(super) struct EventFilter {
    targets: Targets,
    most_verbose: LevelFilter,
}

impl EventFilter {
    pub(super) fn parse(filter: &str) -> Result<Self, ParseError> {
        let targets: Targets = filter.parse()?;
        let levels = targets.iter().map(|(_, level)| level).chain(targets.default_level());
        let most_verbose = levels.fold(LevelFilter::INFO, Ord::max);
        Ok(Self { targets, most_verbose })
    }

    fn lets_pass(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && *metadata.level() <= Level::INFO)
            || metadata.target() == LOOK
            || self.targets.would_enable(metadata.target(), metadata.level())
    }
}

impl<S: Subscriber> Layer<S> for EventFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.lets_pass(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.lets_pass(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most_verbose)
    }
}
