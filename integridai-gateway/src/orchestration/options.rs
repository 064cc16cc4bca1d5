//! `options` of a request: how it is to be done.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::check::Check;
use crate::config::WorkflowsConfig;
use crate::store::Priority;
use crate::timestamp;

/// How it is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) is_async: bool,
    pub(super) priority: Priority,
    pub(super) timeout: Duration,
    pub(super) start: Start,
}

/// When an execution is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// At once.
    #[default]
    Now,
    /// After this long.
    After(Duration),
    /// At this moment.
    At(OffsetDateTime),
}

impl Start {
    /// The moment, for one that is accepted now.
    #[must_use]
    pub fn moment(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::Now => now,
            Self::After(delay) => now.saturating_add(delay.try_into().unwrap_or(time::Duration::MAX)),
            Self::At(moment) => moment.max(now),
        }
    }
}

const KNOWN: [&str; 5] = ["async", "priority", "timeout", "delay", "run_at"];

impl Options {
    /// `outlasts`: it may go on after its request was answered, whatever it says itself.
    pub(super) fn read(
        check: &mut Check,
        options: Option<Value>,
        config: &WorkflowsConfig,
        outlasts: bool,
    ) -> Self {
        let options = match options {
            None | Some(Value::Null) => Map::new(),
            some => check.object("/options", some),
        };
        check.only_known("/options", &options, &KNOWN);
        let is_async = check.optional_bool("/options/async", options.get("async"));
        let outlasts = outlasts || is_async;
        let priority = priority(check, options.get("priority"));
        let (default, max) = match outlasts {
            true => (config.async_default_timeout_seconds, config.async_max_timeout_seconds),
            false => (config.default_timeout_seconds, config.max_timeout_seconds),
        };
        let timeout = options.get("timeout").map_or(Some(default.get()), |value| {
            seconds(check, "/options/timeout", value, max.get()).filter(|timeout| !timeout.is_zero())
        });
        let start = start(check, &options, config, outlasts);
        Self { is_async, priority, timeout: timeout.unwrap_or(default.get()), start }
    }
}

fn priority(check: &mut Check, value: Option<&Value>) -> Priority {
    match value.map(Value::as_str) {
        None | Some(Some("normal")) => Priority::Normal,
        Some(Some("low")) => Priority::Low,
        Some(Some("high")) => Priority::High,
        Some(_) => {
            check.note("/options/priority", "expected one of low, normal, high");
            Priority::Normal
        }
    }
}

fn seconds(check: &mut Check, pointer: &str, value: &Value, max: Duration) -> Option<Duration> {
    let seconds = value.as_f64().filter(|seconds| *seconds > 0.0);
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(time) if !time.is_zero() && time <= max => Some(time),
        _ => {
            let most = max.as_secs_f64();
            check.note(pointer, format!("expected a number of seconds above 0 and at most {most}"));
            None
        }
    }
}

fn start(check: &mut Check, options: &Map<String, Value>, config: &WorkflowsConfig, outlasts: bool) -> Start {
    let max = config.max_delay_seconds.get();
    let (name, start) = match (options.get("delay"), options.get("run_at")) {
        (None, None) => return Start::Now,
        (Some(_), Some(_)) => {
            check.note("/options/run_at", "expected either delay or run_at");
            return Start::Now;
        }
        (Some(delay), None) => ("delay", seconds(check, "/options/delay", delay, max).map(Start::After)),
        (None, Some(moment)) => ("run_at", run_at(check, moment, max).map(Start::At)),
    };
    if !outlasts {
        check.note(format!("/options/{name}"), "only what is asynchronous can be done later");
    }
    start.unwrap_or_default()
}

/// RFC 3339. A moment that has passed is now.
fn run_at(check: &mut Check, value: &Value, max: Duration) -> Option<OffsetDateTime> {
    let latest = OffsetDateTime::now_utc().saturating_add(max.try_into().unwrap_or(time::Duration::MAX));
    let moment = value.as_str().and_then(timestamp::parse);
    let found = moment.filter(|moment| *moment <= latest);
    if found.is_none() {
        let most = max.as_secs_f64();
        check.note("/options/run_at", format!("expected a moment (RFC 3339) at most {most} seconds ahead"));
    }
    found
}
