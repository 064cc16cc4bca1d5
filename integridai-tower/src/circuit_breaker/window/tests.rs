use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// Keeps every record.
#[derive(Default)]
struct Reference(VecDeque<(u64, bool, bool)>);

impl Reference {
    fn counts(&self, keep: impl Fn(usize, u64) -> bool) -> Counts {
        let mut counts = Counts::default();
        for (back, (at, has_failed, is_slow)) in self.0.iter().rev().enumerate() {
            if keep(back, *at) {
                counts.calls += 1;
                counts.failures += u64::from(*has_failed);
                counts.slow += u64::from(*is_slow);
            }
        }
        counts
    }
}

proptest! {
    #[test]
    fn a_window_of_calls_holds_the_last_ones(
        size in 1..40_u32,
        records in prop::collection::vec((any::<bool>(), any::<bool>()), 0..300),
        cleared_at in 0..300_usize,
    ) {
        let (window, mut reference) = (Window::new(Lookback::Calls(size)), Reference::default());
        for (number, (has_failed, is_slow)) in records.into_iter().enumerate() {
            if number == cleared_at {
                window.clear();
                reference.0.clear();
            }
            window.record(has_failed, is_slow, || 0);
            reference.0.push_back((0, has_failed, is_slow));
            prop_assert_eq!(window.counts(|| 0), reference.counts(|back, _| back < size as usize));
        }
    }

    #[test]
    fn a_window_of_time_holds_its_last_stretches(
        width_us in 1..1000_u64,
        start in prop_oneof![0..100_u64, (1_u64 << 33..1 << 34)],
        records in prop::collection::vec((0..3000_u64, any::<bool>(), any::<bool>()), 0..300),
    ) {
        let (window, mut reference) = (Window::new(Lookback::Time(Duration::from_micros(width_us * 16))), Reference::default());
        let mut now = start;
        for (pause, has_failed, is_slow) in records {
            now += pause;
            window.record(has_failed, is_slow, || now);
            reference.0.push_back((now, has_failed, is_slow));
            let is_kept = |_, at: u64| now / width_us - at / width_us < 16;
            prop_assert_eq!(window.counts(|| now), reference.counts(is_kept));
            let later = now + 7 * width_us;
            let is_kept = |_, at: u64| later / width_us - at / width_us < 16;
            prop_assert_eq!(window.counts(|| later), reference.counts(is_kept));
        }
    }
}

#[test]
fn a_hundred_thousand_successes_do_not_hide_what_comes_after_them() {
    let window = Window::new(Lookback::Calls(100));
    (0..100_000).for_each(|_| window.record(false, false, || 0));
    (0..60).for_each(|_| window.record(true, false, || 0));
    assert_eq!(window.counts(|| 0), Counts { calls: 100, failures: 60, slow: 0 });
}

#[test]
fn a_stretch_with_millions_of_calls_keeps_their_rate() {
    let window = Window::new(Lookback::Time(Duration::from_secs(16)));
    (0..3_000_000).for_each(|number| window.record(number % 4 == 0, false, || 5));
    let Counts { calls, failures, .. } = window.counts(|| 5);
    let rate = failures as f64 / calls as f64;
    assert!(calls > 500_000 && (0.249..0.251).contains(&rate), "{failures} of {calls}");
}

#[test]
fn threads_together_lose_no_record() {
    for lookback in [Lookback::Calls(1000), Lookback::Time(Duration::from_secs(1))] {
        let window = Window::new(lookback);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|number| window.record(number % 2 == 0, true, || 0)));
            }
        });
        let expected = if matches!(lookback, Lookback::Calls(_)) { 1000 } else { 40_000 };
        let counts = window.counts(|| 0);
        assert_eq!((counts.calls, counts.slow), (expected, expected));
        window.clear();
        assert_eq!(window.counts(|| 0), Counts::default());
    }
}

#[test]
fn a_thread_that_slept_after_it_read_the_clock_takes_no_bucket_back() {
    let window = Window::new(Lookback::Time(Duration::from_secs(16)));
    let at = |second: u64| second * 1_000_000;
    (0..5).for_each(|_| window.record(true, true, || at(116)));
    window.record(false, false, || at(100));
    assert_eq!(window.counts(|| at(116)), Counts { calls: 5, failures: 5, slow: 5 });
}
