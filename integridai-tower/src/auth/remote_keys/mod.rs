//! Keys that an issuer publishes, fetched in the background.

mod fetch;
mod options;
mod refresh;
mod schedule;
mod shared;
mod status;

use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

pub use fetch::FetchError;
pub use options::RemoteKeysOptions;
pub use refresh::RefreshKeys;
pub use status::KeysStatus;

use super::jwt::{KeySet, ProvideKeys, Reload};
use shared::Shared;

/// The keys of one issuer, as last fetched. A clone is the same.
///
/// Reading them never waits. [`RefreshKeys`], the future that comes with it, fetches them: at once, then at a steady
/// pace, and when a token names a key that is not known. Then one fetch is under way however many tokens name it, only
/// the requests with such tokens wait for it, and for the cooldown after it such tokens are refused at once. While the
/// endpoint fails, the keys that are there stay in use up to their maximum age.
///
/// ```
/// # async fn run(transport: impl tower::Service<http::Request<http_body_util::Full<bytes::Bytes>>,
/// #     Response = http::Response<http_body_util::Full<bytes::Bytes>>, Error = std::convert::Infallible,
/// #     Future: Send> + Send + 'static) -> Result<(), integridai_tower::ConfigError> {
/// use std::time::Duration;
/// use integridai_tower::auth::RemoteKeys;
///
/// let (keys, refresh) = RemoteKeys::discovery("https://id.example")
///     .refresh_every(Duration::from_secs(600))
///     .build(transport)?;
/// tokio::spawn(refresh);
/// // Later, in a readiness check:
/// let is_ready = keys.status().is_ready();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
}

impl RemoteKeys {
    /// The set of keys at this URL (RFC 7517 §5).
    pub fn jwks(url: impl Into<String>) -> RemoteKeysOptions {
        RemoteKeysOptions::jwks(url.into())
    }

    /// The keys that the issuer's discovery document names (OpenID Connect Discovery 1.0 §4).
    pub fn discovery(issuer: impl Into<String>) -> RemoteKeysOptions {
        RemoteKeysOptions::discovery(issuer.into())
    }

    /// How they are.
    #[must_use]
    pub fn status(&self) -> KeysStatus {
        self.shared.status()
    }

    /// Waits until there are keys. Ends never while the endpoint fails: give it a time limit.
    pub async fn loaded(&self) {
        let mut finished = self.shared.finished();
        while self.current().is_none() {
            // The sender lives as long as `self`.
            if finished.changed().await.is_err() {
                return;
            }
        }
    }

    fn current(&self) -> Guard<Option<Arc<KeySet>>> {
        self.shared.current()
    }
}

/// None are there before the first success and after the maximum age. A reload is refused within the cooldown after a
/// fetch, and where too many wait for it already.
impl ProvideKeys for RemoteKeys {
    fn keys(&self) -> Option<KeySet> {
        self.current().as_deref().cloned()
    }

    fn version(&self) -> u64 {
        self.shared.version()
    }

    fn reload(&self) -> Option<Reload> {
        Shared::refetched(&self.shared).map(|refetched| Box::pin(refetched) as Reload)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("status", &self.status()).finish_non_exhaustive()
    }
}
