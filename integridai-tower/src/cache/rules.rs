//! What a cache is told to do where the standards leave it a choice.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};

type LifetimeOf = Arc<dyn Fn(&Uri) -> Option<Duration> + Send + Sync>;

/// Settings that the pure part reads.
#[derive(Clone)]
pub(super) struct Rules {
    /// Whether several clients share the store (RFC 9111 §1).
    pub(super) is_shared: bool,
    /// The target list of RFC 9213 §2.1, the strongest field first.
    pub(super) targeted: Vec<HeaderName>,
    /// How many hundredths of its age when sent a response stays fresh that says nothing of it; 0 for none.
    pub(super) heuristic_percent: u32,
    /// How long a response stays fresh that says nothing of it, by its target.
    pub(super) lifetime_unless_told: Option<LifetimeOf>,
    /// Whether clients may choose by the directives of RFC 9111 §5.2.1.
    pub(super) hears_clients: bool,
    /// Bytes of content.
    pub(super) largest_body: usize,
    pub(super) most_variants: usize,
    pub(super) sorts_query: bool,
}

impl Rules {
    pub(super) fn shared() -> Self {
        Self {
            is_shared: true,
            targeted: vec![HeaderName::from_static("cdn-cache-control")],
            heuristic_percent: 10,
            lifetime_unless_told: None,
            hears_clients: false,
            largest_body: 8 << 20,
            most_variants: 16,
            sorts_query: false,
        }
    }

    pub(super) fn private() -> Self {
        Self { is_shared: false, targeted: Vec::new(), hears_clients: true, ..Self::shared() }
    }

    pub(super) fn configured_lifetime(&self, target: &Uri) -> Option<u64> {
        self.lifetime_unless_told.as_ref().and_then(|of| of(target)).map(|lifetime| lifetime.as_secs())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_shared, targeted, heuristic_percent, hears_clients, largest_body, .. } = self;
        f.debug_struct("Rules")
            .field("is_shared", is_shared)
            .field("targeted", targeted)
            .field("heuristic_percent", heuristic_percent)
            .field("hears_clients", hears_clients)
            .field("largest_body", largest_body)
            .field("most_variants", &self.most_variants)
            .field("sorts_query", &self.sorts_query)
            .finish_non_exhaustive()
    }
}
