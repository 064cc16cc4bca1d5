use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Clock;

/// The circuit as its documentation has it, which keeps every record and knows no atomics.
struct Reference {
    options: Options,
    state: State,
    epoch: u64,
    calls: VecDeque<(bool, bool)>,
    consecutive: u32,
    now: u64,
    open_until: u64,
    last_open: u64,
    closed_since: u64,
    half_open_since: u64,
    reopened: u32,
    probes: (u32, u32),
}

#[derive(Debug, Clone)]
struct Options {
    lookback: u32,
    min_calls: u32,
    percent: u32,
    consecutive: Option<u32>,
    open: u64,
    most: u64,
    probes: u32,
    probe_time: u64,
    slow_percent: Option<u32>,
}

const SLOW: u64 = 50;

impl Reference {
    fn new(options: Options) -> Self {
        Self {
            options,
            state: State::Closed,
            epoch: 0,
            calls: VecDeque::new(),
            consecutive: 0,
            now: 0,
            open_until: 0,
            last_open: 0,
            closed_since: 0,
            half_open_since: 0,
            reopened: 0,
            probes: (0, 0),
        }
    }

    fn enter(&mut self, state: State) {
        (self.state, self.epoch, self.probes, self.consecutive) = (state, self.epoch + 1, (0, 0), 0);
        match state {
            State::Closed => {
                self.calls.clear();
                self.closed_since = self.now;
            }
            State::HalfOpen => self.half_open_since = self.now,
            _ => {}
        }
    }

    fn open(&mut self, retry_after: u64) {
        let recovered = self.state == State::Closed && self.now - self.closed_since >= self.last_open;
        self.reopened = if recovered || self.last_open == 0 { 0 } else { self.reopened + 1 };
        let mut wait = self.options.open;
        for _ in 0..self.reopened.min(40) {
            wait = (wait * 2).min(self.options.most.max(self.options.open));
        }
        self.last_open = wait.max(retry_after.min(300_000));
        self.open_until = self.now + self.last_open;
        self.enter(State::Open);
    }

    /// The epoch and the role of an admitted call.
    fn admit(&mut self) -> Option<(u64, bool)> {
        if self.state == State::Open && self.now >= self.open_until {
            self.enter(State::HalfOpen);
        }
        if self.state == State::HalfOpen && self.now >= self.half_open_since + self.options.probe_time {
            self.open(0);
        }
        match self.state {
            State::Closed => Some((self.epoch, false)),
            State::HalfOpen if self.probes.0 + self.probes.1 < self.options.probes => {
                self.probes.0 += 1;
                Some((self.epoch, true))
            }
            _ => None,
        }
    }

    fn end(&mut self, (epoch, is_probe): (u64, bool), outcome: Outcome, took: u64) {
        if epoch != self.epoch {
            return;
        }
        let is_slow = self.options.slow_percent.is_some() && took >= SLOW;
        let (failed, retry_after) = match outcome {
            Outcome::Failure { retry_after } => (true, retry_after.map_or(0, |time| time.as_millis() as u64)),
            _ => (false, 0),
        };
        if is_probe {
            self.probes.0 -= 1;
            match outcome {
                Outcome::Ignored => {}
                _ if failed || is_slow => self.open(retry_after),
                _ => {
                    self.probes.1 += 1;
                    if self.probes.1 >= self.options.probes {
                        self.enter(State::Closed);
                    }
                }
            }
        } else if outcome != Outcome::Ignored {
            self.calls.push_back((failed, is_slow));
            if self.calls.len() > self.options.lookback as usize {
                self.calls.pop_front();
            }
            self.consecutive = if failed { self.consecutive + 1 } else { 0 };
            if (failed || is_slow) && self.must_open() {
                self.open(retry_after);
            }
        }
    }

    fn must_open(&self) -> bool {
        let total = self.calls.len() as u32;
        let share =
            |of: fn(&(bool, bool)) -> bool| self.calls.iter().filter(|call| of(call)).count() as u32 * 100;
        let is_enough = total >= self.options.min_calls.max(1);
        self.options.consecutive.is_some_and(|most| self.consecutive >= most)
            || is_enough && share(|call| call.0) >= self.options.percent * total
            || is_enough
                && self.options.slow_percent.is_some_and(|percent| share(|call| call.1) >= percent * total)
    }
}

fn circuit(options: &Options, clock: &Clock) -> Circuit {
    let millis = Duration::from_millis;
    let built = CircuitOptions::new()
        .lookback(Lookback::Calls(options.lookback))
        .min_calls(options.min_calls)
        .failure_rate(f64::from(options.percent) / 100.0)
        .open_for(millis(options.open))
        .open_for_at_most(millis(options.most))
        .jitter(0.0)
        .probes(options.probes)
        .probe_time(millis(options.probe_time))
        .clock(clock.clone());
    let built = match options.consecutive {
        Some(failures) => built.consecutive_failures(failures),
        None => built,
    };
    let built = match options.slow_percent {
        Some(percent) => built.slow_calls(millis(SLOW), f64::from(percent) / 100.0),
        None => built,
    };
    built.build("model").unwrap()
}

prop_compose! {
    fn options()(
        lookback in 1..20_u32,
        min in 0..20_u32,
        percent in 1..=100_u32,
        consecutive in prop::option::of(1..6_u32),
        open in 1..200_u64,
        most in 1..2000_u64,
        probes in 1..4_u32,
        probe_time in 1..300_u64,
        slow_percent in prop::option::of(1..=100_u32),
    ) -> Options {
        Options { lookback, min_calls: min.min(lookback), percent, consecutive, open, most, probes, probe_time, slow_percent }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Success),
        3 => Just(Outcome::FAILURE),
        1 => Just(Outcome::Ignored),
        1 => (0..500_u64).prop_map(|ms| Outcome::Failure { retry_after: Some(Duration::from_millis(ms)) }),
    ]
}

proptest! {
    /// Several calls are under way at once and end in any order, long after the circuit has changed its state.
    #[test]
    fn a_circuit_does_what_its_documentation_says(
        options in options(),
        steps in prop::collection::vec((0..120_u64, any::<bool>(), outcome(), any::<prop::sample::Index>()), 1..200),
    ) {
        let clock = Clock::stopped(Duration::ZERO);
        let (circuit, mut reference) = (circuit(&options, &clock), Reference::new(options));
        let mut under_way = Vec::new();
        for (pause, begins, outcome, which) in steps {
            clock.advance(Duration::from_millis(pause));
            reference.now += pause;
            if begins || under_way.is_empty() {
                let (permit, expected) = (circuit.admit(), reference.admit());
                prop_assert_eq!(permit.is_ok(), expected.is_some());
                if let (Ok(permit), Some(expected)) = (permit, expected) {
                    under_way.push((permit, expected, reference.now));
                }
            } else {
                let (permit, expected, began) = under_way.swap_remove(which.index(under_way.len()));
                permit.end(outcome);
                reference.end(expected, outcome, reference.now - began);
            }
            prop_assert_eq!(circuit.state(), reference.state);
            let snapshot = circuit.snapshot();
            prop_assert_eq!(snapshot.counts.calls, reference.calls.len() as u64);
            prop_assert_eq!(snapshot.consecutive_failures, reference.consecutive);
        }
    }
}

fn spent(circuit: &Circuit, outcome: Outcome) {
    circuit.admit().unwrap().end(outcome);
}

/// Opens after two failures in a row for a second, and closes after two probes.
fn simple() -> (Circuit, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let options = CircuitOptions::new()
        .no_failure_rate()
        .consecutive_failures(2)
        .open_for(Duration::from_secs(1))
        .jitter(0.0)
        .probes(2)
        .clock(clock.clone());
    (options.build("simple").unwrap(), clock)
}

fn opened() -> (Circuit, Clock) {
    let (circuit, clock) = simple();
    (0..2).for_each(|_| spent(&circuit, Outcome::FAILURE));
    assert_eq!(circuit.state(), State::Open);
    (circuit, clock)
}

#[test]
fn a_call_that_began_before_a_transition_is_no_probe() {
    let (circuit, clock) = simple();
    let early = circuit.admit().unwrap();
    (0..2).for_each(|_| spent(&circuit, Outcome::FAILURE));
    clock.advance(Duration::from_secs(1));
    let probe = circuit.admit().unwrap();
    early.end(Outcome::FAILURE);
    assert_eq!(circuit.state(), State::HalfOpen, "its failure is of another time");
    probe.end(Outcome::Success);
    spent(&circuit, Outcome::Success);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn the_probes_are_capped_and_a_dropped_one_frees_its_place() {
    let (circuit, clock) = opened();
    clock.advance(Duration::from_secs(1));
    let probes = [circuit.admit().unwrap(), circuit.admit().unwrap()];
    let refused = circuit.admit().unwrap_err();
    assert_eq!((refused.state, refused.retry_after), (State::HalfOpen, Duration::from_secs(1)));
    drop(probes);
    assert_eq!(circuit.state(), State::HalfOpen);
    (0..2).for_each(|_| spent(&circuit, Outcome::Success));
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn probes_that_hang_do_not_hold_a_circuit_half_open() {
    let (circuit, clock) = opened();
    clock.advance(Duration::from_secs(1));
    let hung = [circuit.admit().unwrap(), circuit.admit().unwrap()];
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        circuit.admit().unwrap_err().retry_after,
        Duration::from_secs(2),
        "it opened again, for longer"
    );
    assert_eq!(circuit.snapshot().history.last().unwrap().cause, Cause::ProbeHung);
    clock.advance(Duration::from_secs(2));
    let probe = circuit.admit().unwrap();
    drop(hung);
    drop(probe);
    assert_eq!(circuit.state(), State::HalfOpen);
}

#[test]
fn a_dropped_call_counts_as_the_policy_says() {
    let options = CircuitOptions::new().no_failure_rate().consecutive_failures(1);
    let ignoring = options.build("a").unwrap();
    drop(ignoring.admit());
    assert_eq!(ignoring.state(), State::Closed);
    let counting = options.dropped(Dropped::Failure).build("b").unwrap();
    drop(counting.admit());
    assert_eq!(counting.state(), State::Open);
}

#[test]
fn a_service_that_asks_for_rest_gets_it_within_bounds() {
    let (circuit, clock) = simple();
    spent(&circuit, Outcome::FAILURE);
    spent(&circuit, Outcome::Failure { retry_after: Some(Duration::from_secs(20)) });
    clock.advance(Duration::from_secs(19));
    assert_eq!(circuit.admit().unwrap_err().retry_after, Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    circuit.admit().unwrap().end(Outcome::Failure { retry_after: Some(Duration::from_secs(86_400)) });
    assert_eq!(circuit.admit().unwrap_err().retry_after, Duration::from_secs(300));
}

#[test]
fn whoever_operates_it_has_the_last_word() {
    let (circuit, clock) = opened();
    circuit.force_closed();
    (0..10).for_each(|_| spent(&circuit, Outcome::FAILURE));
    assert_eq!((circuit.state(), circuit.snapshot().counts.calls), (State::ForcedClosed, 12));
    circuit.disable();
    spent(&circuit, Outcome::FAILURE);
    assert_eq!(circuit.snapshot().counts.calls, 12);
    circuit.force_open();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(circuit.admit().unwrap_err().state, State::ForcedOpen);
    circuit.reset();
    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.state, snapshot.counts, snapshot.refused), (State::Closed, Counts::default(), 1));
    assert_eq!(snapshot.history.len(), 5);
}

#[test]
fn every_transition_is_told_with_its_cause() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (circuit, clock) = simple();
    let circuit = {
        let told = Arc::clone(&told);
        let tell = move |transition: &Transition| {
            told.lock().unwrap().push((
                transition.from,
                transition.to,
                transition.cause,
                transition.open_for,
            ));
        };
        circuit.on_transition(tell).unwrap()
    };
    (0..2).for_each(|_| spent(&circuit, Outcome::FAILURE));
    clock.advance(Duration::from_secs(1));
    (0..2).for_each(|_| spent(&circuit, Outcome::Success));
    let second = Some(Duration::from_secs(1));
    let expected = [
        (State::Closed, State::Open, Cause::ConsecutiveFailures, second),
        (State::Open, State::HalfOpen, Cause::TimePassed, None),
        (State::HalfOpen, State::Closed, Cause::ProbesSucceeded, None),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
    assert_eq!(circuit.snapshot().history[0].at, Duration::from_secs(1_700_000_000));
    assert!(circuit.clone().on_transition(|_| {}).is_err(), "it is shared");
}

#[test]
fn a_listener_may_ask_the_circuit() {
    let circuits = Circuits::new(CircuitOptions::new().consecutive_failures(1), 10).unwrap();
    let seen = Arc::new(Mutex::new(None));
    let circuits = {
        let seen = Arc::clone(&seen);
        circuits.on_transition(move |transition| *seen.lock().unwrap() = Some(transition.to)).unwrap()
    };
    spent(&circuits.circuit("a"), Outcome::FAILURE);
    assert_eq!(*seen.lock().unwrap(), Some(State::Open));
}

#[test]
fn the_time_that_it_stays_open_varies_within_the_jitter() {
    let clock = Clock::stopped(Duration::ZERO);
    let options = CircuitOptions::new().consecutive_failures(1).jitter(0.5).open_for(Duration::from_secs(10));
    let waits: Vec<_> = (0..50)
        .map(|_| {
            let circuit = options.clone().clock(clock.clone()).build("j").unwrap();
            spent(&circuit, Outcome::FAILURE);
            circuit.admit().unwrap_err().retry_after
        })
        .collect();
    assert!(waits.iter().all(|wait| (10..=15).contains(&wait.as_secs())), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]));
}

#[test]
fn a_flood_of_keys_forgets_no_open_circuit() {
    let circuits = Circuits::new(CircuitOptions::new().consecutive_failures(1), 100).unwrap();
    for number in 0..50 {
        spent(&circuits.circuit(&format!("broken {number}")), Outcome::FAILURE);
    }
    for number in 0..10_000 {
        spent(&circuits.circuit(&format!("healthy {number}")), Outcome::Success);
    }
    let open =
        (0..50).filter(|number| circuits.circuit(&format!("broken {number}")).state() == State::Open).count();
    assert_eq!(open, 50);
    assert!(circuits.all().len() <= 100);
    let long = "é".repeat(1000);
    assert!(circuits.find(&long).is_none());
    assert_eq!(circuits.circuit(&long).name().len(), 256);
    assert!(circuits.find(&long).is_some());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let new = CircuitOptions::new;
    for (options, setting) in [
        (new().lookback(Lookback::Calls(0)), "lookback"),
        (new().lookback(Lookback::Calls(10)), "lookback"),
        (new().lookback(Lookback::Time(Duration::from_millis(15))), "lookback"),
        (new().failure_rate(0.0), "failure_rate"),
        (new().failure_rate(f64::NAN), "failure_rate"),
        (new().slow_calls(Duration::from_secs(1), 1.1), "slow_calls"),
        (new().consecutive_failures(0), "consecutive_failures"),
        (new().open_for(Duration::ZERO), "open_for"),
        (new().jitter(-0.1), "jitter"),
        (new().probes(0), "probes"),
        (new().probe_time(Duration::MAX), "probe_time"),
    ] {
        assert_eq!(options.build("x").unwrap_err().setting(), setting);
    }
    assert!(Circuits::new(new(), 0).is_err());
}
