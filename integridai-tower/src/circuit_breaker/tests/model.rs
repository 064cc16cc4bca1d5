//! The circuit beside a reference.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
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
