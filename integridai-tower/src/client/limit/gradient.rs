//! How many calls at once, found from how long they take (Gradient2 of Netflix's concurrency-limits).

/// What never changes while a limit lives. Times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    pub(super) initial: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    /// How many times the long-term time the short-term one may be before the limit falls.
    pub(super) tolerance: f64,
    /// The share of a newly found limit in the next one.
    pub(super) smoothing: f64,
    /// Calls that may wait inside the service.
    pub(super) queue_allowance: u32,
    pub(super) window_ns: u64,
    pub(super) window_calls: u32,
    /// Windows that the long-term time goes back.
    pub(super) long_windows: u32,
    /// Saturated windows before less than half the limit is tried, and up to [`RAREST`] times that; never where it is zero.
    pub(super) probe_windows: u32,
}

/// How one call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) took_ns: u64,
    /// Calls under way when it began, itself included.
    pub(super) in_flight: u32,
    pub(super) end: End,
}

/// How a call ended, as far as its time is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its time counts.
    Finished,
    /// The service could not, for lack of room or time.
    Overloaded,
    /// Nobody waited for its end: it took at least this time.
    GivenUp,
    /// Its time says nothing.
    Ignored,
}

/// The limit and what it was found from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gradient {
    limit: f64,
    long: LongTerm,
    window: Option<Window>,
    probe: Probe,
    start: SlowStart,
}

/// Growth after an overload, call by call up to half of what stood before it (TCP's slow start, RFC 5681 §3.1).
#[derive(Debug, Clone, Default, PartialEq)]
struct SlowStart {
    threshold: f64,
    has_grown: bool,
    /// Since the last window without an overload.
    is_overloaded: bool,
}

/// Whether calls are faster when there are few: then what was taken for their time was a queue inside the service.
#[derive(Debug, Clone, PartialEq)]
struct Probe {
    phase: Phase,
    pause: u32,
    /// Saturated windows until the next one.
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Rest,
    /// Until then the queue gets shorter.
    Drain {
        limit: f64,
        until_ns: f64,
    },
    /// The limit stands there afterwards.
    Measure {
        limit: f64,
    },
}

#[derive(Debug, Clone, Default, PartialEq)]
struct LongTerm {
    mean_ns: f64,
    windows: u32,
}

#[derive(Debug, Clone, PartialEq)]
struct Window {
    began_ns: u64,
    sum_ns: f64,
    finished: u32,
    overloaded: u32,
    most_in_flight: u32,
}

/// Windows after which the long-term time is no longer a plain mean of all.
const WARM_UP: u32 = 10;

/// By how much an outlier, or a window of nothing but overload, shrinks the limit at most.
const STEEPEST: f64 = 0.5;

/// The share of calls that failed for overload from which a window counts as one.
const OVERLOAD: f64 = 0.1;

/// Load is back to normal when it goes down this fast; the long-term time follows sooner then.
const FALLEN: f64 = 2.0;
const FORGET: f64 = 0.95;

/// Calls that take less than this share when there are few have waited inside the service.
const FASTER: f64 = 0.8;

/// The share of the limit from which it counts as reached: calls that end now began when it was a little lower.
const SATURATED: f64 = 0.9;

/// How many times the long-term time a queue may take until few calls are in it.
const DRAINS_IN: f64 = 2.0;

/// A probe that finds nothing makes the next one twice as rare, up to this.
const RAREST: u32 = 16;

impl Gradient {
    pub(super) fn new(settings: &Settings) -> Self {
        let pause = settings.probe_windows;
        let probe = Probe { phase: Phase::Rest, pause, left: pause };
        let (long, start) = (LongTerm::default(), SlowStart::default());
        Self { limit: f64::from(settings.initial), long, window: None, probe, start }
    }

    /// The limit after this call, which ended at `now_ns`. It changes when a window is full, and during a slow start.
    pub(super) fn record(&mut self, settings: &Settings, sample: Sample, now_ns: u64) -> u32 {
        let long_ns = self.long.mean_ns;
        if self.probe.phase == Phase::Rest {
            let usual_ns = settings.tolerance * long_ns;
            self.limit = self.start.after_call(self.limit, sample, usual_ns).min(settings.max.into());
        }
        let window = self.window.get_or_insert_with(|| Window::at(now_ns));
        window.add(sample, long_ns);
        let is_over = now_ns.saturating_sub(window.began_ns) >= settings.window_ns;
        if is_over && window.calls() >= settings.window_calls {
            let window = window.clone();
            self.window = None;
            self.limit = self.next(settings, &window, now_ns).clamp(settings.min.into(), settings.max.into());
        }
        self.limit()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between bounds that are u32")]
    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    fn next(&mut self, settings: &Settings, window: &Window, now_ns: u64) -> f64 {
        let (kept, now_ns) = (1.0 - window.overloaded_share() * (1.0 - STEEPEST), now_ns as f64);
        match self.probe.phase {
            Phase::Rest => {
                self.start.after_window(self.limit, window.overloaded_share());
                let limit = self.follow(settings, window) * kept;
                self.rest(settings, window, limit, now_ns)
            }
            Phase::Drain { limit, until_ns } => {
                let limit = limit * kept;
                let is_over = now_ns >= until_ns;
                self.probe.phase =
                    if is_over { Phase::Measure { limit } } else { Phase::Drain { limit, until_ns } };
                self.limit
            }
            Phase::Measure { limit } => {
                self.conclude(settings, window);
                limit * kept
            }
        }
    }

    /// Where it is time for a probe, half of what the service could do without a queue, were the long-term time right.
    fn rest(&mut self, settings: &Settings, window: &Window, limit: f64, now_ns: f64) -> f64 {
        let is_saturated = f64::from(window.most_in_flight) >= self.limit * SATURATED;
        if settings.probe_windows == 0 || !is_saturated {
            return limit;
        }
        self.probe.left = self.probe.left.saturating_sub(1);
        if self.probe.left > 0 {
            return limit;
        }
        // Those that are in the queue have begun when there were many.
        self.probe.phase = Phase::Drain { limit, until_ns: now_ns + DRAINS_IN * self.long.mean_ns };
        limit / (2.0 * settings.tolerance)
    }

    fn conclude(&mut self, settings: &Settings, window: &Window) {
        let short_ns = window.mean_ns().filter(|short_ns| *short_ns < self.long.mean_ns * FASTER);
        self.probe.pause = match short_ns {
            Some(_) => settings.probe_windows,
            None => self.probe.pause.saturating_mul(2).min(settings.probe_windows.saturating_mul(RAREST)),
        };
        self.long.mean_ns = short_ns.unwrap_or(self.long.mean_ns);
        (self.probe.phase, self.probe.left) = (Phase::Rest, self.probe.pause);
    }

    /// By the times alone.
    fn follow(&mut self, settings: &Settings, window: &Window) -> f64 {
        let Some(short_ns) = window.mean_ns() else { return self.limit };
        let long_ns = self.long.add(short_ns, settings.long_windows);
        // A service that nobody keeps busy does not show how much it can take.
        if f64::from(window.most_in_flight) < self.limit / 2.0 {
            return self.limit;
        }
        let gradient = (settings.tolerance * long_ns / short_ns).clamp(STEEPEST, 1.0);
        let found = self.limit * gradient + f64::from(settings.queue_allowance);
        self.limit * (1.0 - settings.smoothing) + found * settings.smoothing
    }
}

impl SlowStart {
    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    fn after_call(&mut self, limit: f64, sample: Sample, usual_ns: f64) -> f64 {
        if limit >= self.threshold {
            return limit;
        }
        match sample.end {
            End::Finished
                if sample.took_ns as f64 <= usual_ns && f64::from(sample.in_flight) >= limit / 2.0 =>
            {
                self.has_grown = true;
                (limit + 1.0).min(self.threshold)
            }
            // It has grown too far.
            End::Overloaded if self.has_grown => {
                (self.threshold, self.has_grown) = (limit / 2.0, false);
                limit
            }
            _ => limit,
        }
    }

    /// While an overload goes on, what counts is the limit from before it.
    fn after_window(&mut self, limit: f64, overloaded_share: f64) {
        let was_overloaded = std::mem::replace(&mut self.is_overloaded, overloaded_share >= OVERLOAD);
        if self.is_overloaded && !was_overloaded {
            (self.threshold, self.has_grown) = (limit / 2.0, false);
        }
    }
}

impl LongTerm {
    /// The mean as it was found with this window, before it is drawn down.
    fn add(&mut self, short_ns: f64, long_windows: u32) -> f64 {
        self.windows = self.windows.saturating_add(1);
        let weight = if self.windows <= WARM_UP.min(long_windows) {
            1.0 / f64::from(self.windows)
        } else {
            2.0 / (f64::from(long_windows) + 1.0)
        };
        self.mean_ns += (short_ns - self.mean_ns) * weight;
        let mean_ns = self.mean_ns;
        if mean_ns > short_ns * FALLEN {
            self.mean_ns *= FORGET;
        }
        mean_ns
    }
}

impl Window {
    fn at(began_ns: u64) -> Self {
        Self { began_ns, sum_ns: 0.0, finished: 0, overloaded: 0, most_in_flight: 0 }
    }

    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    fn add(&mut self, sample: Sample, long_ns: f64) {
        let took_ns = (sample.took_ns as f64).max(1.0);
        self.most_in_flight = self.most_in_flight.max(sample.in_flight);
        match sample.end {
            End::Overloaded => self.overloaded = self.overloaded.saturating_add(1),
            End::Ignored => {}
            // What was given up early may have been about to end: only that it took long is certain.
            End::GivenUp if long_ns == 0.0 || took_ns <= long_ns => {}
            End::Finished | End::GivenUp => {
                self.finished = self.finished.saturating_add(1);
                self.sum_ns += took_ns;
            }
        }
    }

    fn calls(&self) -> u32 {
        self.finished.saturating_add(self.overloaded)
    }

    fn mean_ns(&self) -> Option<f64> {
        (self.finished > 0).then(|| self.sum_ns / f64::from(self.finished))
    }

    fn overloaded_share(&self) -> f64 {
        f64::from(self.overloaded) / f64::from(self.calls().max(1))
    }
}
