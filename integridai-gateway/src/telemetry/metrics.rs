use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

pub use metrics_exporter_prometheus::PrometheusHandle;

use super::TelemetryError;
use super::descriptions::describe;

/// The media type of what [`PrometheusHandle::render`] returns.
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const UPKEEP_PERIOD: Duration = Duration::from_secs(5);

const SECONDS_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0,
    120.0,
];

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// A recorder that nothing global knows of. Its histograms grow until it is rendered or [kept up](upkeep).
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the buckets are a constant")]
pub fn build_recorder() -> PrometheusRecorder {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)
        .expect("there are buckets")
        .build_recorder();
    describe(&recorder);
    recorder
}

/// Makes a recorder the process's own. Later calls return the first one's handle.
///
/// # Errors
/// When the process already has a recorder that was not installed by this function.
pub fn install() -> Result<PrometheusHandle, TelemetryError> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let recorder = build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).map_err(TelemetryError::RecorderInstalled)?;
    Ok(installed.insert(handle).clone())
}

/// Folds the samples of histograms into their buckets every five seconds, for ever. Without it, samples pile up
/// between scrapes.
pub async fn upkeep(handle: PrometheusHandle) {
    every(UPKEEP_PERIOD, || handle.run_upkeep()).await;
}

async fn every(period: Duration, mut work: impl FnMut()) {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_buckets_up_to_two_minutes() {
        let recorder = build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::histogram!("call_duration_seconds").record(0.003);
        });
        let text = recorder.handle().render();
        for line in [
            "# TYPE call_duration_seconds histogram",
            "call_duration_seconds_bucket{le=\"0.0005\"} 0",
            "call_duration_seconds_bucket{le=\"0.005\"} 1",
            "call_duration_seconds_bucket{le=\"120\"} 1",
            "call_duration_seconds_count 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn installing_twice_returns_the_same_recorder() {
        let (first, second) = (install().unwrap(), install().unwrap());
        ::metrics::counter!("installed_total").increment(1);
        assert!(first.render().contains("installed_total 1"));
        assert!(second.render().contains("installed_total 1"));
    }

    #[tokio::test(start_paused = true)]
    async fn upkeep_runs_every_five_seconds() {
        let mut runs = 0;
        let minute = tokio::time::timeout(Duration::from_secs(61), every(UPKEEP_PERIOD, || runs += 1));
        assert!(minute.await.is_err(), "upkeep never ends");
        assert_eq!(runs, 12);
    }
}
