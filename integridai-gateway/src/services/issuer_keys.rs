//! How the keys are with which callers' tokens are checked.

use std::time::Duration;

use integridai_tower::auth::{KeysStatus, RemoteKeys};

/// The keys that issuers publish, and whether callers depend on them. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct IssuerKeys {
    published: Vec<(String, RemoteKeys)>,
    is_alone: bool,
}

/// How the keys are, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysHealth {
    /// All are there and can be fetched, or none have to be.
    Healthy,
    /// Of some issuers, which are so many, there are none, or they cannot be fetched at the moment.
    Degraded {
        /// Whose tokens cannot be checked.
        missing: usize,
        /// Whose keys could not be fetched the last time; those that are there stay in use.
        failing: usize,
        /// How many publish their keys.
        of: usize,
    },
    /// Nobody can be let in: there are no keys, and nothing else that callers could prove themselves with.
    Unhealthy,
}

impl IssuerKeys {
    /// The keys by the names of their issuers; `is_alone` says that callers have nothing else to prove who they are.
    #[must_use]
    pub fn new(published: Vec<(String, RemoteKeys)>, is_alone: bool) -> Self {
        Self { published, is_alone }
    }

    /// Whether somebody can be let in. Once that is so it stays so: keys that are lost later are no reason to take all
    /// replicas away at once, which have lost them too.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let was_fetched = |keys: &RemoteKeys| keys.status().last_success.is_some();
        !self.is_alone || self.published.iter().any(|(_, keys)| was_fetched(keys))
    }

    /// How they are.
    #[must_use]
    pub fn health(&self) -> KeysHealth {
        let statuses: Vec<KeysStatus> = self.published.iter().map(|(_, keys)| keys.status()).collect();
        let count = |is_so: fn(&&KeysStatus) -> bool| statuses.iter().filter(is_so).count();
        let missing = count(|status| !status.is_ready());
        let failing = count(|status| status.last_error.is_some());
        match statuses.len() {
            _ if (missing, failing) == (0, 0) => KeysHealth::Healthy,
            all if self.is_alone && missing == all => KeysHealth::Unhealthy,
            of => KeysHealth::Degraded { missing, failing, of },
        }
    }

    /// Tells metrics and logs how they are, as long as it is polled.
    pub async fn watch(self) {
        let mut faults = vec![None; self.published.len()];
        let mut ticks = tokio::time::interval(WATCH_INTERVAL);
        loop {
            ticks.tick().await;
            for ((issuer, keys), fault) in self.published.iter().zip(&mut faults) {
                show(issuer, &keys.status(), fault);
            }
        }
    }
}

const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// A fault is logged when it comes, and when it goes.
#[allow(clippy::cast_precision_loss, reason = "counts")]
fn show(issuer: &str, status: &KeysStatus, fault: &mut Option<String>) {
    metrics::gauge!("integridai_auth_keys", "issuer" => issuer.to_owned()).set(status.keys as f64);
    if *fault == status.last_error {
        return;
    }
    match &status.last_error {
        Some(error) => {
            tracing::warn!(issuer, error, keys = status.keys, "the keys of an issuer cannot be fetched");
        }
        None => tracing::info!(issuer, keys = status.keys, "the keys of an issuer can be fetched again"),
    }
    fault.clone_from(&status.last_error);
}

impl KeysHealth {
    /// The word for it in health checks.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded { .. } => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Why it is not healthy, in numbers: anybody may read it.
    #[must_use]
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Healthy => None,
            Self::Degraded { missing: 0, failing, of } => Some(format!(
                "the keys of {failing} of {of} issuers cannot be fetched; those there are stay in use"
            )),
            Self::Degraded { missing, of, .. } => {
                Some(format!("the keys of {missing} of {of} issuers are not there"))
            }
            Self::Unhealthy => Some("no keys are there to check tokens with".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use bytes::Bytes;
    use http::{Request, Response, StatusCode};
    use http_body_util::Full;
    use integridai_tower::auth::RefreshKeys;
    use integridai_tower::auth::jwt::{Algorithm, Signer};

    use super::*;

    const EVERY: Duration = Duration::from_secs(100);

    /// Keys of an endpoint that works as long as the switch is on; kept fresh once spawned.
    fn published(works: &Arc<AtomicBool>) -> (RemoteKeys, RefreshKeys) {
        let key = Signer::generate(Algorithm::Es256).unwrap().public_jwk().unwrap();
        let set = Bytes::from(serde_json::json!({ "keys": [key] }).to_string());
        let works = Arc::clone(works);
        let endpoint = tower::service_fn(move |_: Request<Full<Bytes>>| {
            let mut response = Response::new(Full::new(set.clone()));
            if !works.load(Ordering::SeqCst) {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let options = RemoteKeys::jwks("https://id.example/keys").refresh_every(EVERY).max_age(EVERY * 3);
        options.build(endpoint).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_ready_with_the_first_keys_and_for_good() {
        let works = Arc::new(AtomicBool::new(false));
        let (keys, refresh) = published(&works);
        let state = IssuerKeys::new(vec![("main".to_owned(), keys)], true);
        tokio::spawn(refresh);
        tokio::time::sleep(EVERY).await;
        assert_eq!((state.is_ready(), state.health()), (false, KeysHealth::Unhealthy));
        works.store(true, Ordering::SeqCst);
        tokio::time::sleep(EVERY * 2).await;
        assert_eq!((state.is_ready(), state.health()), (true, KeysHealth::Healthy));
        works.store(false, Ordering::SeqCst);
        tokio::time::sleep(EVERY * 2).await;
        let kept = KeysHealth::Degraded { missing: 0, failing: 1, of: 1 };
        assert_eq!((state.is_ready(), state.health()), (true, kept));
        assert!(kept.reason().unwrap().contains("1 of 1 issuers cannot be fetched"));
        tokio::time::sleep(EVERY * 3).await;
        assert_eq!((state.is_ready(), state.health()), (true, KeysHealth::Unhealthy), "they are too old");
    }

    #[tokio::test(start_paused = true)]
    async fn where_others_can_be_let_in_missing_keys_only_degrade() {
        let (works, fails) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let ((good, refresh_good), (bad, refresh_bad)) = (published(&works), published(&fails));
        let both = vec![("good".to_owned(), good), ("bad".to_owned(), bad.clone())];
        tokio::spawn(refresh_good);
        tokio::spawn(refresh_bad);
        tokio::time::sleep(Duration::from_millis(1)).await;
        let both = IssuerKeys::new(both, true);
        let degraded = KeysHealth::Degraded { missing: 1, failing: 1, of: 2 };
        assert_eq!((both.is_ready(), both.health()), (true, degraded));
        assert_eq!(degraded.reason().unwrap(), "the keys of 1 of 2 issuers are not there");
        let beside_api_keys = IssuerKeys::new(vec![("bad".to_owned(), bad)], false);
        assert!(beside_api_keys.is_ready());
        assert_eq!(beside_api_keys.health().as_str(), "degraded");
        assert_eq!(IssuerKeys::default().health(), KeysHealth::Healthy);
    }
}
