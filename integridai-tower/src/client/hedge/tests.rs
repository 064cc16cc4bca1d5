use std::time::Duration;

use proptest::prelude::*;

use super::HedgeOptions;
use super::histogram::{BUCKETS, bucket_of, longest_in};
use super::window::Window;

const WINDOW: Duration = Duration::from_secs(8);
const Q95: u64 = 950_000;

/// Keeps every time, and sorts them each time that it is asked.
struct Reference {
    quantile: u64,
    times: Vec<(Duration, Duration)>,
}

impl Reference {
    fn quantile(&self, now: Duration) -> Option<Duration> {
        let slot = |at: Duration| at.as_secs();
        let is_in = |at: Duration| slot(at) + 8 > slot(now);
        let mut times: Vec<_> =
            self.times.iter().filter(|(_, at)| is_in(*at)).map(|(time, _)| *time).collect();
        times.sort();
        let rank = (times.len() as u64 * self.quantile).div_ceil(1_000_000).max(1);
        times.get(rank as usize - 1).copied()
    }
}

fn assert_near(estimate: Duration, exact: Duration) -> Result<(), TestCaseError> {
    let most = exact + exact / 16 + Duration::from_micros(1);
    prop_assert!(estimate + Duration::from_micros(1) >= exact, "{estimate:?} for {exact:?}");
    prop_assert!(estimate <= most, "{estimate:?} for {exact:?}");
    Ok(())
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![0_u64..50, 0_u64..100_000, 0_u64..100_000_000].prop_map(Duration::from_micros)
}

proptest! {
    #[test]
    fn the_quantile_is_that_of_a_sorted_list(
        steps in prop::collection::vec((any_time(), 0_u64..1500), 1..300),
        quantile in 1_u64..1_000_000,
    ) {
        let mut window = Window::new(WINDOW, quantile);
        let mut reference = Reference { quantile, times: Vec::new() };
        let mut now = Duration::ZERO;
        for (time, pause) in steps {
            now += Duration::from_millis(pause);
            window.record(time, now);
            reference.times.push((time, now));
            assert_near(window.quantile(now).0, reference.quantile(now).unwrap())?;
        }
        for pause in [1, 3, 5, 7] {
            now += Duration::from_secs(pause);
            let (estimate, times) = window.quantile(now);
            match reference.quantile(now) {
                Some(exact) => assert_near(estimate, exact)?,
                None => prop_assert_eq!(times, 0),
            }
        }
    }

    #[test]
    fn a_bucket_holds_its_times_and_is_a_sixteenth_wide(microseconds in 0_u64..1 << 36) {
        let time = Duration::from_micros(microseconds);
        let bucket = bucket_of(time);
        assert_near(longest_in(bucket), time)?;
        prop_assert!(bucket < BUCKETS && longest_in(bucket) >= time);
        prop_assert!(bucket == 0 || longest_in(bucket - 1) < time);
    }
}

#[test]
fn what_is_beyond_all_buckets_is_in_the_last() {
    assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
    assert_eq!(bucket_of(longest_in(BUCKETS - 1)), BUCKETS - 1);
}

#[test]
fn a_burst_of_slow_calls_is_forgotten_once_the_window_has_passed() {
    let mut window = Window::new(WINDOW, Q95);
    let (fast, slow) = (Duration::from_millis(10), Duration::from_secs(1));
    (0..100).for_each(|_| window.record(slow, Duration::from_millis(500)));
    (0..100).for_each(|_| window.record(fast, Duration::from_millis(1500)));
    assert!(window.quantile(Duration::from_millis(7999)).0 >= slow);
    let (quantile, times) = window.quantile(Duration::from_secs(8));
    assert!(quantile < Duration::from_millis(11) && times == 100, "{quantile:?} of {times}");
    assert_eq!(window.quantile(Duration::from_secs(3600)).1, 0);
}

#[test]
fn time_that_seems_to_go_back_changes_nothing() {
    let mut window = Window::new(WINDOW, Q95);
    window.record(Duration::from_millis(10), Duration::from_secs(100));
    window.record(Duration::from_millis(10), Duration::from_secs(90));
    assert_eq!(window.quantile(Duration::ZERO).1, 2);
    assert_eq!(window.quantile(Duration::MAX).1, 0);
}

#[test]
fn options_that_cannot_work_are_refused() {
    let hour = Duration::from_secs(3601);
    for (options, setting) in [
        (HedgeOptions::new().quantile(0.0), "quantile"),
        (HedgeOptions::new().quantile(1.0), "quantile"),
        (HedgeOptions::new().quantile(f64::NAN), "quantile"),
        (HedgeOptions::new().at_least(hour), "at_least"),
        (HedgeOptions::new().until_known(hour), "until_known"),
        (HedgeOptions::new().learn_from(0), "learn_from"),
        (HedgeOptions::new().window(Duration::from_millis(7)), "window"),
        (HedgeOptions::new().window(hour * 24), "window"),
    ] {
        assert_eq!(options.build().unwrap_err().setting(), setting);
    }
}
