//! Where a circuit stands.

use std::sync::Arc;
use std::time::Duration;

/// Where a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls go through and are counted.
    Closed,
    /// Calls are refused until some time has passed.
    Open,
    /// Some calls go through, to see whether the service is back.
    HalfOpen,
    /// Calls are refused until somebody says otherwise.
    ForcedOpen,
    /// Calls go through and are counted, and nothing opens it, until somebody says otherwise.
    ForcedClosed,
    /// Calls go through and are not counted, until somebody says otherwise.
    Disabled,
}

/// Why a circuit changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Too many calls failed.
    FailureRate,
    /// Too many calls were slow.
    SlowRate,
    /// Too many calls failed in a row.
    ConsecutiveFailures,
    /// It has been open for its time.
    TimePassed,
    /// A call failed that should have shown that the service is back.
    ProbeFailed,
    /// Such a call did not end in time.
    ProbeHung,
    /// The calls succeeded that should show that the service is back.
    ProbesSucceeded,
    /// Somebody said so.
    Commanded,
}

/// A change of a circuit's state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The circuit's name.
    pub circuit: Arc<str>,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// When, as time since 1970-01-01 UTC.
    pub at: Duration,
    /// For how long, where it opened by itself.
    pub open_for: Option<Duration>,
}

impl State {
    /// In one word: `half_open`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
            Self::Disabled => "disabled",
        }
    }
}

impl Cause {
    /// In a few words: `failure_rate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowRate => "slow_rate",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::TimePassed => "time_passed",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeHung => "probe_hung",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::Commanded => "commanded",
        }
    }
}

/// A state and the number of transitions before it, in one word that is read and compared at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) state: State,
    pub(super) epoch: u64,
}

const STATES: [State; 6] =
    [State::Closed, State::Open, State::HalfOpen, State::ForcedOpen, State::ForcedClosed, State::Disabled];

impl Phase {
    pub(super) fn to_word(self) -> u64 {
        self.epoch << 3 | self.state as u64
    }

    pub(super) fn from_word(word: u64) -> Self {
        let state = usize::try_from(word & 7).ok().and_then(|place| STATES.get(place));
        Self { state: state.copied().unwrap_or(State::Closed), epoch: word >> 3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_as_it_was_written() {
        for state in STATES {
            let phase = Phase { state, epoch: 1 << 60 };
            assert_eq!(Phase::from_word(phase.to_word()), phase);
        }
    }
}
