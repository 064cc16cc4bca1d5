//! What readers, those who wait and the refresher share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::fetch::FetchError;
use super::schedule::{Attempts, Pace};
use super::status::KeysStatus;
use crate::Clock;
use crate::auth::jwt::{KeySet, Loaded};

pub(super) struct Shared {
    current: ArcSwapOption<KeySet>,
    version: AtomicU64,
    progress: Mutex<Progress>,
    pace: Pace,
    longest_wait: Duration,
    waiting: AtomicUsize,
    max_waiting: usize,
    asked: watch::Sender<()>,
    finished: watch::Sender<()>,
    clock: Clock,
}

#[derive(Default)]
struct Progress {
    in_flight: bool,
    attempts: Attempts,
    status: KeysStatus,
}

/// For whoever has to find out what is wrong.
fn with_causes(error: &FetchError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A place among those who wait; given back when dropped.
struct Place(Arc<Shared>);

impl Shared {
    pub(super) fn new(
        pace: Pace,
        longest_wait: Duration,
        max_waiting: usize,
        clock: Clock,
    ) -> (Arc<Self>, watch::Receiver<()>) {
        let (asked, hears) = watch::channel(());
        let shared = Self {
            current: ArcSwapOption::empty(),
            version: AtomicU64::new(0),
            progress: Mutex::default(),
            pace,
            longest_wait,
            waiting: AtomicUsize::new(0),
            max_waiting,
            asked,
            finished: watch::Sender::new(()),
            clock,
        };
        (Arc::new(shared), hears)
    }

    pub(super) fn current(&self) -> Guard<Option<Arc<KeySet>>> {
        self.current.load()
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn status(&self) -> KeysStatus {
        self.progress().status.clone()
    }

    pub(super) fn finished(&self) -> watch::Receiver<()> {
        self.finished.subscribe()
    }

    pub(super) fn refetched(this: &Arc<Self>) -> Option<impl Future<Output = ()> + Send + use<>> {
        // Before the look at the progress, so that no end is missed.
        let mut finished = this.finished();
        if this.asked.is_closed() || !this.is_of_use() {
            return None;
        }
        let place = Place::take(this)?;
        this.asked.send_replace(());
        Some(async move {
            // Late is as good as failed: the caller looks at the keys in any case.
            let _ = timeout(place.0.longest_wait, finished.changed()).await;
        })
    }

    /// Whether a fetch is under way or may begin.
    fn is_of_use(&self) -> bool {
        let progress = self.progress();
        progress.in_flight || progress.attempts.may_be_asked(&self.pace, Instant::now())
    }

    /// Whether a fetch that was asked for may begin: who asks at the very end of one has got what was asked for.
    pub(super) fn may_be_asked(&self, now: Instant) -> bool {
        self.progress().attempts.may_be_asked(&self.pace, now)
    }

    /// There will be no fetch any more.
    pub(super) fn give_up(&self) {
        let mut progress = self.progress();
        progress.in_flight = false;
        progress.status.last_error = Some("the future that fetches the keys was dropped".to_owned());
        drop(progress);
        self.finished.send_replace(());
    }

    /// Answers whether there are keys already.
    pub(super) fn begin(&self) -> bool {
        let mut progress = self.progress();
        progress.in_flight = true;
        progress.status.attempts += 1;
        progress.status.keys > 0
    }

    /// `Ok(None)`: the same keys as before.
    pub(super) fn end(&self, fetched: Result<Option<Loaded>, FetchError>) {
        let now = Instant::now();
        let mut progress = self.progress();
        progress.in_flight = false;
        match fetched {
            Ok(loaded) => {
                progress.attempts.succeeded(now);
                progress.status.last_success = Some(self.clock.since_epoch());
                progress.status.last_error = None;
                if let Some(Loaded { keys, skipped }) = loaded {
                    progress.status.keys = keys.len();
                    progress.status.skipped = skipped;
                    self.replace(Some(Arc::new(keys)));
                }
            }
            Err(error) => {
                progress.attempts.failed(now);
                progress.status.last_error = Some(with_causes(&error));
            }
        }
        drop(progress);
        self.age(now);
        self.finished.send_replace(());
    }

    /// Gives up keys that are too old.
    pub(super) fn age(&self, now: Instant) {
        let mut progress = self.progress();
        if progress.status.keys > 0 && !progress.attempts.is_current(&self.pace, now) {
            progress.status.keys = 0;
            self.replace(None);
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.progress().attempts.next(&self.pace, now) <= now
    }

    /// When to fetch, or to give up what is there.
    pub(super) fn next_moment(&self) -> Instant {
        let now = Instant::now();
        let progress = self.progress();
        let next = progress.attempts.next(&self.pace, now);
        match progress.attempts.end_of_age(&self.pace) {
            Some(end) if progress.status.keys > 0 => next.min(end),
            _ => next,
        }
    }

    fn replace(&self, keys: Option<Arc<KeySet>>) {
        self.current.store(keys);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let place = Self(Arc::clone(shared));
        (shared.waiting.fetch_add(1, Ordering::Relaxed) < shared.max_waiting).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use tower::service_fn;

    use super::super::RemoteKeys;
    use super::*;

    async fn set(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        let key =
            r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        Ok(Response::new(Full::from(format!("{{\"keys\":[{key}]}}"))))
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_at_the_very_end_of_a_fetch_does_not_cause_another() {
        let options = RemoteKeys::jwks("https://id.example/keys").cooldown(Duration::from_secs(30));
        let (keys, refresh) = options.build(service_fn(set)).unwrap();
        tokio::spawn(refresh);
        keys.loaded().await;
        for (pause, attempts) in [(Duration::from_secs(1), 1), (Duration::from_secs(30), 2)] {
            tokio::time::advance(pause).await;
            // What a request does that found the fetch still under way.
            keys.shared.asked.send_replace(());
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(keys.status().attempts, attempts);
        }
    }
}
