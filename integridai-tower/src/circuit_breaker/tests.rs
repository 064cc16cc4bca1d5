#[cfg(loom)]
mod interleavings;
mod model;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::Clock;

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
