use std::io::Write;
use std::time::SystemTime;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, visible};
use super::line::{Line, LogFormat};

/// Writes one line per event, with the fields of all spans around it.
#[derive(Debug)]
pub(super) struct LogLayer<W> {
    format: LogFormat,
    writer: W,
}

impl<W> LogLayer<W> {
    pub(super) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer }
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
        let line = Line {
            at: SystemTime::now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            message: &fields.message,
            fields: &visible(&span_fields, &fields.named),
        };
        let text = line.render(self.format);
        // There is nowhere to report that reporting failed.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(text.as_bytes());
    }
}
