//! One circuit, shared by all who call through it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::machine::{Machine, Probe, Step};
use super::permit::{Permit, Role};
use super::state::Phase;
use super::sync::{AtomicU32, AtomicU64, Mutex, Ordering};
use super::window::Window;
use super::{Cause, CircuitOptions, Counts, Outcome, State, Transition};

type Listener = dyn Fn(&Transition) + Send + Sync;

/// One circuit. A clone is the same circuit.
///
/// A call through a closed circuit takes no lock. Results belong to the state in which their call was admitted: those of
/// calls that began before a transition change nothing after it.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::circuit_breaker::{CircuitOptions, Outcome, State};
///
/// let circuit = CircuitOptions::new().consecutive_failures(2).build("database")?;
/// for _ in 0..2 {
///     let permit = circuit.admit().expect("it is closed");
///     permit.end(Outcome::FAILURE);
/// }
/// assert_eq!(circuit.state(), State::Open);
/// assert!(circuit.admit().is_err_and(|refused| refused.retry_after > Duration::from_secs(29)));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Circuit(Arc<Shared>);

struct Shared {
    name: Arc<str>,
    options: CircuitOptions,
    /// The machine's phase, to be read without its lock.
    phase: AtomicU64,
    window: Window,
    consecutive: AtomicU32,
    refused: AtomicU64,
    machine: Mutex<Machine>,
    listener: Option<Arc<Listener>>,
}

/// A call was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitOpen {
    /// The state that refused it.
    pub state: State,
    /// When it is worth another try, from now.
    pub retry_after: Duration,
}

/// What a circuit has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Where it stands.
    pub state: State,
    /// What was counted within the lookback.
    pub counts: Counts,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Calls refused so far.
    pub refused: u64,
    /// The last transitions, oldest first, 32 at most.
    pub history: Vec<Transition>,
}

impl Circuit {
    pub(super) fn with(options: CircuitOptions, name: &str) -> Self {
        let machine = Machine::new();
        Self(Arc::new(Shared {
            name: name.into(),
            window: Window::new(options.lookback),
            phase: AtomicU64::new(machine.phase.to_word()),
            consecutive: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            machine: Mutex::new(machine),
            listener: None,
            options,
        }))
    }

    /// Tells `listener` of each transition, after it, on the thread whose call brought it about. Must not block. To be set before
    /// the circuit is shared.
    ///
    /// # Errors
    /// The circuit as it was, where it is shared already.
    pub fn on_transition(
        mut self,
        listener: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Result<Self, Self> {
        match Arc::get_mut(&mut self.0) {
            Some(shared) => shared.listener = Some(Arc::new(listener)),
            None => return Err(self),
        }
        Ok(self)
    }

    pub(super) fn listened_to_by(self, listener: Option<Arc<Listener>>) -> Self {
        match listener {
            Some(listener) => {
                self.on_transition(move |transition| listener(transition)).unwrap_or_else(|same| same)
            }
            None => self,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Lets a call through, or not. Its outcome is told to the [`Permit`].
    ///
    /// # Errors
    /// Where it is not let through.
    pub fn admit(&self) -> Result<Permit, CircuitOpen> {
        let phase = self.phase();
        match phase.state {
            State::Closed | State::ForcedClosed => Ok(self.permit(Role::Counted, phase.epoch)),
            State::Disabled => Ok(self.permit(Role::Uncounted, phase.epoch)),
            State::Open | State::HalfOpen | State::ForcedOpen => self.admit_probe(),
        }
    }

    /// Where it stands. An open circuit whose time has passed is open until the next call.
    #[must_use]
    pub fn state(&self) -> State {
        self.phase().state
    }

    /// What it has seen.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let history = self.0.machine.lock().history.iter().cloned().collect();
        Snapshot {
            state: self.state(),
            counts: self.0.window.counts(|| self.now()),
            consecutive_failures: self.0.consecutive.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            history,
        }
    }

    /// Refuses all calls until told otherwise.
    pub fn force_open(&self) {
        self.command(State::ForcedOpen);
    }

    /// Lets all calls through, and counts them, until told otherwise.
    pub fn force_closed(&self) {
        self.command(State::ForcedClosed);
    }

    /// Lets all calls through, and does not count them, until told otherwise.
    pub fn disable(&self) {
        self.command(State::Disabled);
    }

    /// Closes it, forgets what it has counted, and lets it decide by itself again.
    pub fn reset(&self) {
        self.command(State::Closed);
    }

    /// How a call ended that was admitted in this epoch.
    pub(super) fn record(&self, role: Role, epoch: u64, outcome: Outcome, took: Duration) {
        let is_slow = self.0.options.slow_after.is_some_and(|slow_after| took >= slow_after);
        match role {
            Role::Uncounted => {}
            Role::Probe => self.end_probe(epoch, outcome, is_slow),
            Role::Counted => match outcome {
                Outcome::Ignored => {}
                Outcome::Success => self.count(epoch, None, is_slow),
                Outcome::Failure { retry_after } => self.count(epoch, Some(retry_after), is_slow),
            },
        }
    }

    pub(super) fn options(&self) -> &CircuitOptions {
        &self.0.options
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.0.options.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    fn phase(&self) -> Phase {
        Phase::from_word(self.0.phase.load(Ordering::Acquire))
    }

    fn permit(&self, role: Role, epoch: u64) -> Permit {
        Permit::new(self.clone(), role, epoch)
    }

    #[cold]
    fn admit_probe(&self) -> Result<Permit, CircuitOpen> {
        let now = self.now();
        let luck = rand::random();
        let (phase, probe) = self.step(|machine| {
            let (step, probe) = machine.admit_probe(&self.0.options, now, luck);
            (step, (machine.phase, probe))
        });
        match (probe, phase.state) {
            (Probe::Admitted, State::HalfOpen) => Ok(self.permit(Role::Probe, phase.epoch)),
            (Probe::Admitted, State::Disabled) => Ok(self.permit(Role::Uncounted, phase.epoch)),
            (Probe::Admitted, _) => Ok(self.permit(Role::Counted, phase.epoch)),
            (Probe::Refused { retry_after_us }, state) => {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                Err(CircuitOpen { state, retry_after: Duration::from_micros(retry_after_us) })
            }
        }
    }

    fn end_probe(&self, epoch: u64, outcome: Outcome, is_slow: bool) {
        let end = match outcome {
            Outcome::Ignored => None,
            Outcome::Success if is_slow => Some(Err(None)),
            Outcome::Success => Some(Ok(())),
            Outcome::Failure { retry_after } => Some(Err(retry_after)),
        };
        let (now, luck) = (self.now(), rand::random());
        self.step(|machine| (machine.end_probe(epoch, end, &self.0.options, now, luck), ()));
    }

    /// `failed` holds what a failure says of the time to come back.
    fn count(&self, epoch: u64, failed: Option<Option<Duration>>, is_slow: bool) {
        let phase = self.phase();
        if phase.epoch != epoch {
            return;
        }
        self.0.window.record(failed.is_some(), is_slow, || self.now());
        let consecutive = self.count_consecutive(failed.is_some());
        if phase.state != State::Closed || (failed.is_none() && !is_slow) {
            return;
        }
        let now = self.now();
        if let Some(cause) = self.cause_to_open(consecutive, now) {
            let luck = rand::random();
            let retry_after = failed.flatten();
            self.step(|machine| (machine.trip(epoch, cause, retry_after, &self.0.options, now, luck), ()));
        }
    }

    fn count_consecutive(&self, has_failed: bool) -> u32 {
        let consecutive = &self.0.consecutive;
        if has_failed {
            return consecutive.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        }
        // Writing it each time would have threads fight over it for nothing.
        if consecutive.load(Ordering::Relaxed) != 0 {
            consecutive.store(0, Ordering::Relaxed);
        }
        0
    }

    fn cause_to_open(&self, consecutive: u32, now: u64) -> Option<Cause> {
        let options = &self.0.options;
        if options.consecutive_failures.is_some_and(|most| consecutive >= most) {
            return Some(Cause::ConsecutiveFailures);
        }
        let counts = self.0.window.counts(|| now);
        if counts.calls < u64::from(options.min_calls.max(1)) {
            return None;
        }
        let reaches =
            |part: u64, rate: u64| part.saturating_mul(1_000_000) >= rate.saturating_mul(counts.calls);
        if options.failure_rate.is_some_and(|rate| reaches(counts.failures, rate)) {
            return Some(Cause::FailureRate);
        }
        let is_slow = options.slow_after.is_some() && reaches(counts.slow, options.slow_rate);
        is_slow.then_some(Cause::SlowRate)
    }

    fn command(&self, to: State) {
        let now = self.now();
        self.step(|machine| (Some(machine.command(to, now)), ()));
    }

    /// Takes a step of the machine under its lock, shows it to those who read without the lock, and tells the listener after that.
    fn step<T>(&self, act: impl FnOnce(&mut Machine) -> (Option<Step>, T)) -> T {
        let mut machine = self.0.machine.lock();
        let from = machine.phase.state;
        let (step, result) = act(&mut machine);
        let Some(step) = step else { return result };
        let transition = self.transition(from, step);
        machine.remember(&transition);
        if step.to == State::Closed {
            self.0.window.clear();
        }
        self.0.consecutive.store(0, Ordering::Relaxed);
        self.0.phase.store(machine.phase.to_word(), Ordering::Release);
        drop(machine);
        if let Some(listener) = &self.0.listener {
            listener(&transition);
        }
        result
    }

    fn transition(&self, from: State, step: Step) -> Transition {
        Transition {
            circuit: Arc::clone(&self.0.name),
            from,
            to: step.to,
            cause: step.cause,
            at: self.0.options.clock.since_epoch(),
            open_for: step.open_us.map(Duration::from_micros),
        }
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = f.debug_struct("Circuit");
        printer.field("name", &self.0.name).field("state", &self.state()).finish_non_exhaustive()
    }
}
