//! That a call was let through, until its outcome is known.

use std::fmt;
use std::time::Duration;

use super::{Circuit, Dropped, Outcome};

/// A call that was let through. Say how it [ended](Self::end); dropped without that, it counts as
/// [`CircuitOptions::dropped`](super::CircuitOptions::dropped) says.
#[must_use = "a permit that is dropped at once counts as a call that was given up"]
pub struct Permit {
    circuit: Circuit,
    role: Role,
    epoch: u64,
    /// In µs of the circuit's clock; only where slow calls matter.
    began_us: Option<u64>,
    has_ended: bool,
}

/// What the call's outcome is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Counted,
    Uncounted,
    Probe,
}

impl Permit {
    pub(super) fn new(circuit: Circuit, role: Role, epoch: u64) -> Self {
        let began_us = circuit.options().slow_after.map(|_| circuit.now());
        Self { circuit, role, epoch, began_us, has_ended: false }
    }

    /// The call has ended now, in this way.
    pub fn end(mut self, outcome: Outcome) {
        self.record(outcome);
    }

    fn record(&mut self, outcome: Outcome) {
        self.has_ended = true;
        let took = self.began_us.map_or(0, |began| self.circuit.now().saturating_sub(began));
        self.circuit.record(self.role, self.epoch, outcome, Duration::from_micros(took));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.has_ended {
            self.record(match self.circuit.options().dropped {
                Dropped::Ignored => Outcome::Ignored,
                Dropped::Failure => Outcome::FAILURE,
            });
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("circuit", &self.circuit)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
