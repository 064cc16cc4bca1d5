use std::io::Write;
use std::time::{Instant, SystemTime};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, Value, digest, visible};
use super::line::{AccessFormat, Line, LogFormat};
use super::repeats::Repeats;

/// Events of this target have lines told that were held back, and are not written themselves.
pub(super) const LOOK: &str = "integridai_gateway::telemetry::look";

/// Writes one line per event, with the fields of all spans around it.
#[derive(Debug)]
pub(super) struct LogLayer<W> {
    format: LogFormat,
    access: AccessFormat,
    repeats: Repeats,
    writer: W,
}

impl<W> LogLayer<W> {
    pub(super) fn new(format: LogFormat, access: AccessFormat, writer: W) -> Self {
        Self { format, access, repeats: Repeats::default(), writer }
    }
}

impl<W> LogLayer<W>
where
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn write(&self, metadata: &Metadata<'_>, message: &str, fields: &[(&'static str, &Value)]) {
        let (level, target) = (*metadata.level(), metadata.target());
        let line = Line { at: SystemTime::now(), level, target, message, fields };
        let text = line.render(self.format, self.access);
        // There is nowhere to report that reporting failed.
        let _ = self.writer.make_writer_for(metadata).write_all(text.as_bytes());
    }

    fn write_held(&self, now: Instant) {
        for held in self.repeats.due(now) {
            let count = Value::Plain(held.count.to_string());
            self.write(held.metadata, &held.message, &[("held_back", &count)]);
        }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (metadata, now) = (event.metadata(), Instant::now());
        self.write_held(now);
        if metadata.target() == LOOK {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans: Vec<_> =
            context.event_scope(event).map(|scope| scope.from_root().collect()).unwrap_or_default();
        let extensions: Vec<_> = spans.iter().map(|span| span.extensions()).collect();
        let span_fields: Vec<_> = extensions
            .iter()
            .filter_map(|extensions| extensions.get::<Fields>())
            .map(|fields| fields.named.as_slice())
            .collect();
        let named = visible(&span_fields, &fields.named);
        let may_repeat = *metadata.level() > Level::WARN;
        if may_repeat || self.repeats.admit(metadata, &fields.message, digest(&fields.message, &named), now) {
            self.write(metadata, &fields.message, &named);
        }
    }
}
