//! Every order in which two threads can take their steps, by loom.

use loom::thread;

use super::*;
use crate::circuit_breaker::window::Window;

/// A circuit of a stopped clock: what it does depends on the order alone.
fn circuit(options: CircuitOptions) -> (Circuit, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1_700_000_000));
    let options = options.no_failure_rate().open_for(Duration::from_secs(1)).jitter(0.0).clock(clock.clone());
    (options.build("loom").unwrap(), clock)
}

fn by_two_threads(act: impl Fn() + Clone + Send + 'static) {
    let other = thread::spawn(act.clone());
    act();
    other.join().unwrap();
}

#[test]
fn a_window_never_counts_failures_that_there_were_not() {
    loom::model(|| {
        let window = Arc::new(Window::new(Lookback::Calls(2)));
        let recording = Arc::clone(&window);
        let recorder = thread::spawn(move || {
            recording.record(true, false, || 0);
            recording.record(false, false, || 0);
        });
        window.record(false, true, || 0);
        let Counts { calls, failures, slow } = window.counts(|| 0);
        assert!(failures <= 1 && slow <= 1 && calls <= 2);
        recorder.join().unwrap();
        let Counts { calls, failures, slow } = window.counts(|| 0);
        assert!(calls == 2 && failures <= 1 && slow <= 1);
    });
}

#[test]
fn a_total_that_is_behind_its_ring_is_no_wave_of_failures() {
    loom::model(|| {
        let window = Arc::new(Window::new(Lookback::Calls(2)));
        let failing = Arc::clone(&window);
        let fails = thread::spawn(move || failing.record(true, false, || 0));
        for _ in 0..2 {
            window.record(false, false, || 0);
            assert!(window.counts(|| 0).failures <= 1);
        }
        fails.join().unwrap();
    });
}

#[test]
fn a_stretch_of_time_loses_no_record() {
    loom::model(|| {
        let window = Arc::new(Window::new(Lookback::Time(Duration::from_secs(16))));
        let recording = Arc::clone(&window);
        by_two_threads(move || recording.record(true, true, || 5));
        assert_eq!(window.counts(|| 5), Counts { calls: 2, failures: 2, slow: 2 });
    });
}

#[test]
fn a_bucket_that_is_taken_over_holds_its_own_records_alone() {
    loom::model(|| {
        let window = Arc::new(Window::new(Lookback::Time(Duration::from_secs(16))));
        window.record(true, false, || 0);
        let recording = Arc::clone(&window);
        by_two_threads(move || recording.record(false, false, || 16_000_000));
        assert_eq!(window.counts(|| 16_000_000), Counts { calls: 2, failures: 0, slow: 0 });
    });
}

#[test]
fn failures_at_once_open_it_once() {
    loom::model(|| {
        let (circuit, _clock) = circuit(CircuitOptions::new().consecutive_failures(1));
        let permits = [circuit.admit().unwrap(), circuit.admit().unwrap()];
        let threads = permits.map(|permit| thread::spawn(move || permit.end(Outcome::FAILURE)));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(circuit.state(), State::Open);
        assert_eq!(circuit.snapshot().history.len(), 1);
    });
}

#[test]
fn no_more_probes_are_let_through_than_there_are() {
    loom::model(|| {
        let (circuit, clock) = circuit(CircuitOptions::new().consecutive_failures(1).probes(1));
        spent(&circuit, Outcome::FAILURE);
        clock.advance(Duration::from_secs(1));
        let asking = circuit.clone();
        let other = thread::spawn(move || asking.admit());
        let admitted = [circuit.admit(), other.join().unwrap()];
        assert_eq!(admitted.iter().filter(|permit| permit.is_ok()).count(), 1);
    });
}

#[test]
fn a_late_failure_does_not_undo_a_recovery() {
    loom::model(|| {
        let (circuit, clock) = circuit(CircuitOptions::new().consecutive_failures(1).probes(1));
        let late = circuit.admit().unwrap();
        spent(&circuit, Outcome::FAILURE);
        clock.advance(Duration::from_secs(1));
        let probe = circuit.admit().unwrap();
        let ends = thread::spawn(move || late.end(Outcome::FAILURE));
        probe.end(Outcome::Success);
        ends.join().unwrap();
        assert_eq!(circuit.state(), State::Closed);
    });
}
