use std::borrow::Cow;
use std::time::SystemTime;

use integridai_tower::correlation::{Correlation, TraceContext};

use super::{current, is_traced, send};

/// A span under way; it ends when it is dropped, however that is.
#[derive(Debug)]
pub struct Span(Option<Box<SpanRecord>>);

/// A span as it went.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    /// Its ids, and those of what it is part of.
    pub trace: TraceContext,
    /// What was done, of a bounded set.
    pub name: Cow<'static, str>,
    /// Its part in a conversation.
    pub kind: SpanKind,
    /// When it began.
    pub started_at: SystemTime,
    /// When it ended.
    pub ended_at: SystemTime,
    /// The rest.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// What it comes from, where that was over when it began.
    pub link: Option<TraceContext>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A span's part in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a request.
    Server,
    /// Makes one.
    Client,
    /// Neither.
    Internal,
    /// Hands something in that is done later.
    Producer,
    /// Does it.
    Consumer,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Attribute {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u32> for Attribute {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Attribute {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl SpanRecord {
    /// With these ids, as long as a moment, and without anything else.
    #[must_use]
    pub fn new(trace: TraceContext, name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        let now = SystemTime::now();
        let (attributes, name) = (Vec::new(), name.into());
        Self { trace, name, kind, started_at: now, ended_at: now, attributes, link: None, error: None }
    }

    /// Says something more.
    pub fn set(&mut self, name: &'static str, value: impl Into<Attribute>) {
        self.attributes.push((name, value.into()));
    }

    /// Hands it over as it is.
    pub fn send(self) {
        send(self);
    }
}

impl Span {
    /// One that belongs to nothing, and is not told.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Part of this, if spans of it are made; the name is asked for only then.
    #[must_use]
    pub fn below<N: Into<Cow<'static, str>>>(
        parent: &TraceContext,
        kind: SpanKind,
        name: impl FnOnce() -> N,
    ) -> Self {
        Self(is_traced(parent).then(|| Box::new(SpanRecord::new(parent.child(), name(), kind))))
    }

    /// Part of what goes on now, if spans of it are made.
    #[must_use]
    pub fn begin<N: Into<Cow<'static, str>>>(kind: SpanKind, name: impl FnOnce() -> N) -> Self {
        current().map_or_else(Self::none, |parent| Self::below(&parent, kind, name))
    }

    /// Its ids, if it is told.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.as_ref().map(|record| &record.trace)
    }

    /// Says something more, if it is told.
    pub fn tell(&mut self, tell: impl FnOnce(&mut SpanRecord)) {
        if let Some(record) = &mut self.0 {
            tell(record);
        }
    }

    /// Does work as what goes on now is part of this.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        let current = self.trace().cloned().and_then(|trace| Some(Correlation::current()?.with_trace(trace)));
        match current {
            Some(current) => current.scope(work).await,
            None => work.await,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut record) = self.0.take() {
            record.ended_at = SystemTime::now();
            record.send();
        }
    }
}
