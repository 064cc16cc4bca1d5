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
        probe_windows: 0,
    }
}

fn finished(took_ns: u64, in_flight: u32) -> Sample {
    Sample { took_ns, in_flight, end: End::Finished }
}

/// Works everything out anew, from all calls since the beginning.
fn reference(settings: &Settings, calls: &[(Sample, u64)]) -> u32 {
    let mut state = Reference {
        limit: f64::from(settings.initial),
        pause: settings.probe_windows,
        ..Reference::default()
    };
    let mut window: Vec<Sample> = Vec::new();
    let mut began_ns = 0;
    for (sample, ended_ns) in calls {
        if window.is_empty() {
            began_ns = *ended_ns;
        }
        let counts = sample.end != End::GivenUp || (state.long > 0.0 && nanoseconds(sample) > state.long);
        state.limit = state.after_call(settings, *sample).min(settings.max.into());
        window.push(Sample { end: if counts { sample.end } else { End::Ignored }, ..*sample });
        let calls = window.iter().filter(|sample| sample.end != End::Ignored).count();
        if ended_ns - began_ns >= settings.window_ns && calls >= settings.window_calls as usize {
            let limit = state.after(settings, &window, *ended_ns as f64);
            state.limit = limit.clamp(settings.min.into(), settings.max.into());
            window.clear();
        }
    }
    state.limit as u32
}

#[derive(Default)]
struct Reference {
    limit: f64,
    long: f64,
    timed_windows: u32,
    saturated: u32,
    pause: u32,
    /// The limit before the probe, and until when the queue drains, if it still does.
    probe: Option<(f64, Option<f64>)>,
    /// Half of what stood before the last overload, and whether it has grown since.
    threshold: f64,
    has_grown: bool,
    was_overloaded: bool,
}

impl Reference {
    fn after_call(&mut self, settings: &Settings, sample: Sample) -> f64 {
        let is_slow = sample.took_ns as f64 > settings.tolerance * self.long;
        let is_idle = f64::from(sample.in_flight) < self.limit / 2.0;
        match sample.end {
            _ if self.probe.is_some() || self.limit >= self.threshold => {}
            End::Finished if !is_slow && !is_idle => {
                self.has_grown = true;
                return (self.limit + 1.0).min(self.threshold);
            }
            End::Overloaded if self.has_grown => {
                (self.threshold, self.has_grown) = (self.limit / 2.0, false);
            }
            _ => {}
        }
        self.limit
    }

    fn after(&mut self, settings: &Settings, window: &[Sample], now: f64) -> f64 {
        let times = window.iter().filter(|sample| matches!(sample.end, End::Finished | End::GivenUp));
        let times: Vec<f64> = times.map(nanoseconds).collect();
        let short = (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
        let overloaded = window.iter().filter(|sample| sample.end == End::Overloaded).count() as f64;
        let kept = 1.0 - 0.5 * overloaded / (times.len() as f64 + overloaded);
        let most = window.iter().map(|sample| sample.in_flight).max().unwrap();
        match self.probe.take() {
            None => {
                let is_overloaded = kept <= 0.95;
                if is_overloaded && !self.was_overloaded {
                    (self.threshold, self.has_grown) = (self.limit / 2.0, false);
                }
                self.was_overloaded = is_overloaded;
                let limit = short.map_or(self.limit, |short| self.follow(settings, short, most)) * kept;
                self.saturated += u32::from(f64::from(most) >= self.limit * 0.9);
                if settings.probe_windows == 0 || self.saturated < self.pause {
                    return limit;
                }
                self.probe = Some((limit, Some(now + 2.0 * self.long)));
                limit / (2.0 * settings.tolerance)
            }
            Some((before, Some(drained))) => {
                self.probe = Some((before * kept, Some(drained).filter(|drained| now < *drained)));
                self.limit
            }
            Some((before, None)) => {
                self.saturated = 0;
                self.pause = (self.pause * 2).min(16 * settings.probe_windows);
                if let Some(short) = short.filter(|short| *short < 0.8 * self.long) {
                    (self.long, self.pause) = (short, settings.probe_windows);
                }
                before * kept
            }
        }
    }

    fn follow(&mut self, settings: &Settings, short: f64, most: u32) -> f64 {
        self.timed_windows += 1;
        let is_warming_up = self.timed_windows <= 10.min(settings.long_windows);
        let slow = 2.0 / (f64::from(settings.long_windows) + 1.0);
        let weight = if is_warming_up { 1.0 / f64::from(self.timed_windows) } else { slow };
        self.long += (short - self.long) * weight;
        let gradient = (settings.tolerance * self.long / short).clamp(0.5, 1.0);
        if self.long > 2.0 * short {
            self.long *= 0.95;
        }
        if f64::from(most) < self.limit / 2.0 {
            return self.limit;
        }
        let found = self.limit * gradient + f64::from(settings.queue_allowance);
        self.limit * (1.0 - settings.smoothing) + found * settings.smoothing
    }
}

fn nanoseconds(sample: &Sample) -> f64 {
    (sample.took_ns as f64).max(1.0)
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
        probe_windows in 0..5_u32,
        (min, initial, max) in (1..20_u32, 20..50_u32, 50..300_u32),
    ) {
        let settings = Settings { window_calls, long_windows, probe_windows, min, initial, max, ..settings() };
        let mut gradient = Gradient::new(&settings);
        let mut past = Vec::new();
        let mut now_ns = 0;
        for (sample, pause) in calls {
            now_ns += pause;
            past.push((sample, now_ns));
            let limit = gradient.record(&settings, sample, now_ns);
            prop_assert!((min..=max).contains(&limit));
            // Two ways to add up the same numbers differ in their last bits. Not each time, which would take long.
            let is_looked_at = past.len() % 13 == 0;
            prop_assert!(!is_looked_at || limit.abs_diff(reference(&settings, &past)) <= 1);
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
fn after_an_overload_half_of_what_stood_before_is_back_within_a_few_calls() {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings()), 0);
    window(&mut gradient, &mut now_ns, |_| finished(10 * MS, 20));
    let overloaded = Sample { end: End::Overloaded, ..finished(MS, 20) };
    for _ in 0..10 {
        window(&mut gradient, &mut now_ns, |_| overloaded);
    }
    let settings = settings();
    let mut call = |sample| {
        now_ns += MS;
        gradient.record(&settings, sample, now_ns)
    };
    assert_eq!(call(finished(100 * MS, 1)), 1, "a service that is slow is not well again");
    let limits: Vec<u32> = (1..=12).map(|in_flight| call(finished(10 * MS, in_flight))).collect();
    assert_eq!(limits, [2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]);
    // It was too much after all: the next slow start ends at half of what was reached.
    for _ in 0..9 {
        window(&mut gradient, &mut now_ns, |_| overloaded);
    }
    for in_flight in 1..=20 {
        gradient.record(&settings, finished(10 * MS, in_flight), now_ns);
    }
    assert_eq!(gradient.limit(), 4);
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

/// Where the limit stands, on average, before a service that does so many calls at once in 10 ms each; the others wait inside
/// of it. Everybody calls all the time, from the beginning.
fn settled(settings: Settings, capacity: u32) -> u32 {
    let (mut gradient, mut now_ns) = (Gradient::new(&settings), 0);
    let mut sum = 0;
    for round in 0..1000 {
        let limit = gradient.limit();
        let took_ns = 10 * MS * u64::from(limit.max(capacity)) / u64::from(capacity);
        for _ in 0..=10 {
            gradient.record(&settings, finished(took_ns, limit), now_ns);
            now_ns += 100 * MS;
        }
        sum += if round < 500 { 0 } else { gradient.limit() };
    }
    sum / 500
}

#[test]
fn the_limit_settles_where_the_service_begins_to_slow_down() {
    for capacity in [5, 10, 30, 60, 100] {
        for initial in [5, 20, 200] {
            let settled = settled(Settings { initial, probe_windows: 10, ..settings() }, capacity);
            assert!((capacity..=capacity * 2 + 8).contains(&settled), "{settled}, {capacity}, {initial}");
        }
    }
}

#[test]
fn without_probes_what_begins_under_a_flood_takes_the_flood_for_normal() {
    let settled = settled(Settings { initial: 100, ..settings() }, 10);
    assert!(settled > 100, "{settled}: this is what the probes are for");
}
