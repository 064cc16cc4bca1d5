use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};
use tower_layer::Layer;

use super::handle::Handle;
use super::key::Keys;
use super::rules::Rules;
use super::service::Cache;
use super::shared::{Background, Shared};
use super::status::is_token;
use super::store::Store;
use crate::{Clock, ConfigError};

/// Answers requests from what was stored of earlier answers. See the [module docs](super).
#[derive(Debug, Clone)]
#[must_use]
pub struct CacheLayer {
    shared: Arc<Shared>,
}

impl CacheLayer {
    /// A cache whose answers go to several clients, in front of a service or within a proxy.
    pub fn new(store: impl Store + 'static) -> Self {
        Self::with(Rules::shared(), Arc::new(store))
    }

    /// A cache of one client, around the service that it calls: it keeps what is `private` and the answers to requests with
    /// credentials, and hears what requests say in `Cache-Control`.
    pub fn private(store: impl Store + 'static) -> Self {
        Self::with(Rules::private(), Arc::new(store))
    }

    fn with(rules: Rules, store: Arc<dyn Store>) -> Self {
        let changes = store.changes().unwrap_or_default();
        let shared = Shared {
            rules,
            store,
            clock: Clock::system(),
            keys: Keys::new("http", false).with_secret(changes.secret()),
            name: "integridai".into(),
            spawn: None,
            most_waiting: 10_000,
            patience: Duration::from_secs(30),
            flights: Arc::default(),
            changes,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Fields that are aimed at this cache (RFC 9213), the strongest first; `CDN-Cache-Control` unless told.
    pub fn targeted(self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.set(|shared| shared.rules.targeted = fields.into_iter().collect())
    }

    /// How many hundredths of the time that it had not been modified a response stays fresh that says nothing of it
    /// (RFC 9111 §4.2.2); 10 unless told, 0 for none.
    pub fn heuristic_percent(self, percent: u32) -> Self {
        self.set(|shared| shared.rules.heuristic_percent = percent)
    }

    /// How long a response stays fresh that says nothing of it, by its target. There is no such time unless told.
    pub fn lifetime_unless_told(
        self,
        lifetime: impl Fn(&Uri) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.set(|shared| shared.rules.lifetime_unless_told = Some(Arc::new(lifetime)))
    }

    /// Whether clients choose by what they say in `Cache-Control` (RFC 9111 §5.2.1): `no-cache`, `max-age`, `max-stale`,
    /// `only-if-cached` and so on. A shared cache does not let them unless told, since it protects the origin.
    pub fn hear_clients(self, hears: bool) -> Self {
        self.set(|shared| shared.rules.hears_clients = hears)
    }

    /// How large the content of a stored response may be, in bytes; 8 MiB unless told. What is larger passes as it is.
    pub fn largest_body(self, bytes: usize) -> Self {
        self.set(|shared| shared.rules.largest_body = bytes)
    }

    /// How many responses are kept for one URL that are for different requests by their `Vary`; 16 unless told.
    pub fn most_variants(self, variants: usize) -> Self {
        self.set(|shared| shared.rules.most_variants = variants)
    }

    /// Takes URLs as the same whose parameters are in another order.
    pub fn sort_query(self, sorts: bool) -> Self {
        self.set(|shared| shared.keys = shared.keys.clone().sorts_query(sorts))
    }

    /// Takes targets without a scheme as `https`: those of HTTP/1 behind TLS.
    pub fn behind_tls(self) -> Self {
        self.set(|shared| shared.keys = shared.keys.clone().scheme("https"))
    }

    /// What the cache calls itself in `Cache-Status`; `integridai` unless told.
    ///
    /// # Errors
    /// The name is no token that begins with a letter.
    pub fn name(self, name: &str) -> Result<Self, ConfigError> {
        if !is_token(name) {
            return Err(ConfigError::new("name", "has to be a token that begins with a letter"));
        }
        Ok(self.set(|shared| shared.name = name.into()))
    }

    /// Runs revalidations of what is served stale (RFC 5861 §3), such as by `|work| { tokio::spawn(work); }`. Without it a
    /// client waits for them.
    pub fn spawn_with(self, spawn: impl Fn(Background) + Send + Sync + 'static) -> Self {
        self.set(|shared| shared.spawn = Some(Arc::new(spawn)))
    }

    /// How many requests may wait for one answer of the origin; 10 000 unless told. Those beyond go to the origin.
    pub fn most_waiting(self, requests: usize) -> Self {
        self.set(|shared| shared.most_waiting = requests)
    }

    /// How long a request waits for the head of the answer to another before it goes to the origin by itself, on tokio's clock;
    /// 30 seconds unless told.
    pub fn wait_up_to(self, patience: Duration) -> Self {
        self.set(|shared| shared.patience = patience)
    }

    /// The time by which responses age.
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|shared| shared.clock = clock)
    }

    /// Removes and expires what is stored. To be taken once the settings are made.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    fn set(mut self, setting: impl FnOnce(&mut Shared)) -> Self {
        setting(Arc::make_mut(&mut self.shared));
        self
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = Cache<S>;

    fn layer(&self, inner: S) -> Cache<S> {
        Cache::new(inner, Arc::clone(&self.shared))
    }
}
