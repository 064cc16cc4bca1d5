//! What is decided under the circuit's lock: everything but the usual call through a closed circuit. Pure: the time is
//! handed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::state::Phase;
use super::{Cause, CircuitOptions, State, Transition};

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) phase: Phase,
    pub(super) history: VecDeque<Transition>,
    probes_under_way: u32,
    probes_succeeded: u32,
    /// Since it opened first without having been closed for long.
    reopened: u32,
    /// Times in µs of the circuit's clock.
    pub(super) open_until_us: u64,
    closed_since_us: u64,
    half_open_since_us: u64,
    last_open_us: u64,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) to: State,
    pub(super) cause: Cause,
    pub(super) open_us: Option<u64>,
}

/// Whether a call may be a probe, and what that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Admitted,
    Refused { retry_after_us: u64 },
}

/// The transitions that are remembered.
const HISTORY: usize = 32;

impl Machine {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase { state: State::Closed, epoch: 0 },
            history: VecDeque::new(),
            probes_under_way: 0,
            probes_succeeded: 0,
            reopened: 0,
            open_until_us: 0,
            closed_since_us: 0,
            half_open_since_us: 0,
            last_open_us: 0,
        }
    }

    /// A call at a circuit that is, or was a moment ago, open or half open. A step comes before the answer.
    pub(super) fn admit_probe(
        &mut self,
        options: &CircuitOptions,
        now_us: u64,
        luck: f64,
    ) -> (Option<Step>, Probe) {
        let mut step = None;
        if self.phase.state == State::Open && now_us >= self.open_until_us {
            step = Some(self.enter(State::HalfOpen, Cause::TimePassed, now_us));
        }
        let probe_time = micros(options.probe_time);
        if self.phase.state == State::HalfOpen && now_us >= self.half_open_since_us.saturating_add(probe_time)
        {
            step = Some(self.open(Cause::ProbeHung, None, options, now_us, luck));
        }
        let probe = match self.phase.state {
            State::Closed | State::ForcedClosed | State::Disabled => Probe::Admitted,
            State::HalfOpen if self.probes_under_way + self.probes_succeeded < options.probes => {
                self.probes_under_way += 1;
                Probe::Admitted
            }
            // It is settled at the latest when a probe counts as hung.
            State::HalfOpen => {
                let settled = self.half_open_since_us.saturating_add(probe_time);
                Probe::Refused { retry_after_us: settled.saturating_sub(now_us).min(SOON_US) }
            }
            State::Open => Probe::Refused { retry_after_us: self.open_until_us.saturating_sub(now_us) },
            State::ForcedOpen => Probe::Refused { retry_after_us: SOON_US },
        };
        (step, probe)
    }

    /// How a probe of this epoch ended; `None` where it says nothing.
    pub(super) fn end_probe(
        &mut self,
        epoch: u64,
        end: Option<Result<(), Option<Duration>>>,
        options: &CircuitOptions,
        now_us: u64,
        luck: f64,
    ) -> Option<Step> {
        if self.phase != (Phase { state: State::HalfOpen, epoch }) {
            return None;
        }
        self.probes_under_way = self.probes_under_way.saturating_sub(1);
        match end? {
            Err(retry_after) => Some(self.open(Cause::ProbeFailed, retry_after, options, now_us, luck)),
            Ok(()) => {
                self.probes_succeeded += 1;
                let is_enough = self.probes_succeeded >= options.probes;
                is_enough.then(|| self.enter(State::Closed, Cause::ProbesSucceeded, now_us))
            }
        }
    }

    /// Too much failed in a closed circuit of this epoch.
    pub(super) fn trip(
        &mut self,
        epoch: u64,
        cause: Cause,
        retry_after: Option<Duration>,
        options: &CircuitOptions,
        now_us: u64,
        luck: f64,
    ) -> Option<Step> {
        let is_current = self.phase == (Phase { state: State::Closed, epoch });
        is_current.then(|| self.open(cause, retry_after, options, now_us, luck))
    }

    pub(super) fn command(&mut self, to: State, now_us: u64) -> Step {
        self.reopened = 0;
        self.last_open_us = 0;
        self.open_until_us = if to == State::Open { u64::MAX } else { 0 };
        self.enter(to, Cause::Commanded, now_us)
    }

    fn open(
        &mut self,
        cause: Cause,
        retry_after: Option<Duration>,
        options: &CircuitOptions,
        now_us: u64,
        luck: f64,
    ) -> Step {
        let was_closed_us = now_us.saturating_sub(self.closed_since_us);
        let has_recovered = self.phase.state == State::Closed && was_closed_us >= self.last_open_us;
        self.reopened = if has_recovered || self.last_open_us == 0 { 0 } else { self.reopened + 1 };
        let wait =
            micros(options.open_for).saturating_mul(1_u64.checked_shl(self.reopened).unwrap_or(u64::MAX));
        let wait = wait.min(micros(options.open_for_most).max(micros(options.open_for)));
        let wait = wait.saturating_add(share(wait, options.jitter, luck));
        let asked = retry_after.map_or(0, micros).min(micros(options.retry_after_most));
        let wait = wait.max(asked);
        self.last_open_us = wait;
        self.open_until_us = now_us.saturating_add(wait);
        Step { open_us: Some(wait), ..self.enter(State::Open, cause, now_us) }
    }

    fn enter(&mut self, to: State, cause: Cause, now_us: u64) -> Step {
        self.phase = Phase { state: to, epoch: self.phase.epoch + 1 };
        (self.probes_under_way, self.probes_succeeded) = (0, 0);
        match to {
            State::Closed => self.closed_since_us = now_us,
            State::HalfOpen => self.half_open_since_us = now_us,
            _ => {}
        }
        Step { to, cause, open_us: None }
    }

    pub(super) fn remember(&mut self, transition: &Transition) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(transition.clone());
    }
}

/// What a client is told where nobody knows: the circuit is half open, or forced open.
const SOON_US: u64 = 1_000_000;

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `luck` between 0 and 1 of `millionths` of it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rough share"
)]
fn share(whole: u64, millionths: u64, luck: f64) -> u64 {
    (whole as f64 * (millionths as f64 / 1e6) * luck.clamp(0.0, 1.0)) as u64
}
