//! The gradient against a reference that keeps every call, and before a service that gets slow.

use proptest::prelude::*;

use super::super::gradient::{End, Gradient, Sample, Settings};

const MS: u64 = 1_000_000;

fn settings() -> Settings {
    Settings {
        initial: 20,
        min: 1,
        max: 200,
        tolerance: 1.5,
        smoothing: 0.2,
        queue_allowance: 4,
        window_ns: 1000 * MS,
        window_calls: 10,
        long_windows: 600,
    }
}

fn finished(took_ns: u64, in_flight: u32) -> Sample {
    Sample { took_ns, in_flight, end: End::Finished }
}

/// Works everything out anew, from all calls since the beginning.
fn reference(settings: &Settings, calls: &[(Sample, u64)]) -> u32 {
    let mut limit = f64::from(settings.initial);
    let mut long = 0.0;
    let mut windows = 0;
    let mut window: Vec<(Sample, u64)> = Vec::new();
    for (sample, ended_ns) in calls {
        let counts = match sample.end {
            End::GivenUp => long > 0.0 && (sample.took_ns as f64).max(1.0) > long,
            _ => true,
        };
        let end = if counts { sample.end } else { End::Ignored };
        window.push((Sample { end, ..*sample }, *ended_ns));
        let of = |ends: &[End]| window.iter().filter(|(sample, _)| ends.contains(&sample.end)).count() as f64;
        let (timed, overloaded) = (of(&[End::Finished, End::GivenUp]), of(&[End::Overloaded]));
        let is_over = ended_ns - window[0].1 >= settings.window_ns;
        if !is_over || timed + overloaded < f64::from(settings.window_calls) {
            continue;
        }
        if timed > 0.0 {
            let times =
                window.iter().filter(|(sample, _)| matches!(sample.end, End::Finished | End::GivenUp));
            let short = times.map(|(sample, _)| (sample.took_ns as f64).max(1.0)).sum::<f64>() / timed;
            windows += 1;
            let is_warming_up = windows <= 10.min(settings.long_windows);
            let weight = if is_warming_up {
                1.0 / f64::from(windows)
            } else {
                2.0 / (f64::from(settings.long_windows) + 1.0)
            };
            long += (short - long) * weight;
            let gradient = (settings.tolerance * long / short).clamp(0.5, 1.0);
            if long > 2.0 * short {
                long *= 0.95;
            }
            let most = window.iter().map(|(sample, _)| sample.in_flight).max().unwrap();
            if f64::from(most) >= limit / 2.0 {
                let found = limit * gradient + f64::from(settings.queue_allowance);
                limit = limit * (1.0 - settings.smoothing) + found * settings.smoothing;
            }
        }
        limit *= 1.0 - 0.5 * overloaded / (timed + overloaded);
        limit = limit.clamp(settings.min.into(), settings.max.into());
        window.clear();
    }
    limit as u32
}

fn call() -> impl Strategy<Value = (Sample, u64)> {
    let end = prop_oneof![
        6 => Just(End::Finished),
        1 => Just(End::Overloaded),
        1 => Just(End::GivenUp),
        1 => Just(End::Ignored),
    ];
    (0..500 * MS, 1..300_u32, end, 0..200 * MS)
        .prop_map(|(took_ns, in_flight, end, pause)| (Sample { took_ns, in_flight, end }, pause))
}

proptest! {
    #[test]
    fn the_limit_is_that_of_a_reference_which_keeps_every_call_and_stays_in_its_bounds(
        calls in prop::collection::vec(call(), 1..300),
        window_calls in 1..20_u32,
        long_windows in 1..20_u32,
        (min, initial, max) in (1..20_u32, 20..50_u32, 50..300_u32),
    ) {
        let settings = Settings { window_calls, long_windows, min, initial, max, ..settings() };
        let mut gradient = Gradient::new(&settings);
        let mut past = Vec::new();
        let mut now_ns = 0;
        for (sample, pause) in calls {
            now_ns += pause;
            past.push((sample, now_ns));
            let limit = gradient.record(&settings, sample, now_ns);
            prop_assert!((min..=max).contains(&limit));
            // Two ways to add up the same numbers differ in their last bits.
            prop_assert!(limit.abs_diff(reference(&settings, &past)) <= 1);
        }
    }

    #[test]
    fn an_idle_service_is_asked_neither_more_nor_less(took in prop::collection::vec(1..1000 * MS, 1..500)) {
        let mut gradient = Gradient::new(&settings());
        for (number, took_ns) in took.iter().enumerate() {
            let limit = gradient.record(&settings(), finished(*took_ns, 9), number as u64 * 150 * MS);
            prop_assert_eq!(limit, 20);
        }
    }
}

/// A window of such calls, after which the limit is found anew.
fn window(gradient: &mut Gradient, now_ns: &mut u64, sample: impl Fn(u32) -> Sample) -> u32 {
    let settings = settings();
    let mut limit = gradient.limit();
    for number in 0..=10 {
        limit = gradient.record(&settings, sample(number), *now_ns);
        *now_ns += 100 * MS;
    }
    limit
}

#[test]
fn the_limit_grows_while_times_stay_and_falls_when_they_grow() {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings()), 0);
    for _ in 0..600 {
        let limit = gradient.limit();
        window(&mut gradient, &mut now_ns, |_| finished(10 * MS, limit));
    }
    assert_eq!(gradient.limit(), 200, "nothing speaks against the maximum");
    let after = window(&mut gradient, &mut now_ns, |_| finished(100 * MS, 200));
    assert_eq!(after, 180, "no outlier shrinks it by more than half, of which a fifth counts at once");
    for _ in 0..30 {
        let limit = gradient.limit();
        window(&mut gradient, &mut now_ns, |_| finished(100 * MS, limit));
    }
    assert!(gradient.limit() < 20, "{}", gradient.limit());
}

#[test]
fn a_window_of_overload_halves_the_limit_and_one_failure_among_many_hardly_counts() {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings()), 0);
    let overloaded = Sample { end: End::Overloaded, ..finished(MS, 20) };
    assert_eq!(window(&mut gradient, &mut now_ns, |_| overloaded), 10);
    let limit = window(&mut gradient, &mut now_ns, |number| match number {
        0 => overloaded,
        _ => finished(MS, 10),
    });
    assert_eq!(limit, 10, "it grew by 0.8 and lost a twentieth");
    for _ in 0..10 {
        window(&mut gradient, &mut now_ns, |_| overloaded);
    }
    assert_eq!(gradient.limit(), 1, "one call is let through, so that recovery shows");
}

#[test]
fn a_call_that_is_given_up_counts_only_when_it_took_longer_than_usual() {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings()), 0);
    for _ in 0..20 {
        window(&mut gradient, &mut now_ns, |_| finished(10 * MS, 200));
    }
    let (mut early, mut late) = (gradient.clone(), gradient.clone());
    let given_up = |took_ns| Sample { end: End::GivenUp, ..finished(took_ns, 200) };
    let mut now = now_ns;
    window(&mut early, &mut now, |_| given_up(MS));
    window(&mut late, &mut now_ns, |_| given_up(100 * MS));
    assert_eq!(early.limit(), gradient.limit());
    assert!(late.limit() < gradient.limit());
}

/// A service that does so many calls at once in 10 ms each; the others wait inside of it.
fn settled_before(capacity: u32) -> u32 {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings()), 0);
    let mut sum = 0;
    for round in 0..400 {
        let limit = gradient.limit();
        let took_ns = 10 * MS * u64::from(limit.max(capacity)) / u64::from(capacity);
        window(&mut gradient, &mut now_ns, |_| finished(took_ns, limit));
        sum += if round < 200 { 0 } else { gradient.limit() };
    }
    sum / 200
}

#[test]
fn the_limit_settles_where_the_service_begins_to_slow_down() {
    for capacity in [30, 60, 100] {
        let settled = settled_before(capacity);
        assert!((capacity..=capacity * 3).contains(&settled), "{settled} before a service of {capacity}");
    }
}
