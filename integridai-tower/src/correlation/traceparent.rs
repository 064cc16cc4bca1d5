//! The field `traceparent`: read whatever version it has, written as version 00 (Trace Context §3.2).

use std::fmt;

use super::list::trim;
use super::trace_id::{SpanId, TraceId, decode, encode};

/// `00-` 32 digits `-` 16 digits `-` 2 digits.
pub(super) const LENGTH: usize = 55;

/// What the caller says of a trace (Trace Context §3.2.2.5): recommendations, not rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// The caller may have recorded the trace.
    pub const SAMPLED: Self = Self(0b01);
    /// At least the right-most seven bytes of the trace id are random (level 2).
    pub const RANDOM: Self = Self(0b10);

    /// The flags of these bits. Those that the specification does not define are cleared, as it demands of whoever sends them.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & (Self::SAMPLED.0 | Self::RANDOM.0))
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of these flags are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// With these flags set or cleared.
    #[must_use]
    pub const fn with(self, flags: Self, set: bool) -> Self {
        if set { Self(self.0 | flags.0) } else { Self(self.0 & !flags.0) }
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceFlags({:02x})", self.0)
    }
}

/// What one `traceparent` says; `None` where a new trace has to be started.
pub(super) fn parse(value: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (known, rest) = trim(value).split_at_checked(LENGTH)?;
    let [version] = decode(&known[..2])?;
    // Later versions may add to the end, after a dash (§3.2.4).
    let is_supported = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    let is_divided = [2, 35, 52].iter().all(|at| known[*at] == b'-');
    if !is_supported || !is_divided {
        return None;
    }
    let trace_id = TraceId::from_bytes(decode(&known[3..35])?)?;
    let span_id = SpanId::from_bytes(decode(&known[36..52])?)?;
    let [flags] = decode(&known[53..])?;
    Some((trace_id, span_id, TraceFlags::from_bits(flags)))
}

/// A `traceparent` of version 00.
pub(super) fn print(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> [u8; LENGTH] {
    let mut text = [b'-'; LENGTH];
    encode(&[0], &mut text[..2]);
    encode(&trace_id.to_bytes(), &mut text[3..35]);
    encode(&span_id.to_bytes(), &mut text[36..52]);
    encode(&[flags.bits()], &mut text[53..]);
    text
}
