/// The text is not a trace context, or a part of one, in the form of W3C Trace Context level 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the form of W3C Trace Context")]
#[non_exhaustive]
pub struct InvalidTraceContext;

/// The key is not a token (RFC 9110 §5.6.2), or the member does not fit beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the form of W3C Baggage, or more than it has room for")]
#[non_exhaustive]
pub struct InvalidBaggage;
