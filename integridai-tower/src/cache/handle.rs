use std::sync::Arc;

use http::Uri;

use super::shared::Shared;
use super::store::{Purge, Purged};

/// Removes or expires what a cache holds; what is on its way to the store does not get there. A clone is of the same cache.
///
/// What it tells is what was held in this process. A store that is shared with others purges there as well.
///
/// A hard purge removes. A soft one expires: the origin is asked before the next use, and what is stored stands in if it fails.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// What is held of a URL in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Responses, each for other requests by their `Vary`.
    pub variants: usize,
    /// Of those, the ones that are fresh.
    pub fresh: usize,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What is held of a full URL, `http://host/path?query`, in this process; that counts as no use of it. Nothing, of a store that
    /// cannot be [looked into](super::Store::peek).
    #[must_use]
    pub fn held(&self, url: &Uri) -> Held {
        let (key, now) = (self.shared.keys.of_url(url), self.shared.now());
        let resource = self.shared.store.peek(&key);
        let entries = resource.as_ref().map_or(&[][..], |resource| resource.entries());
        let fresh = entries.iter().filter(|entry| entry.is_fresh(now)).count();
        Held { variants: entries.len(), fresh }
    }

    /// Purges a full URL, `http://host/path?query`, in all its variants; tells whether there was something.
    pub fn purge_url(&self, url: &Uri, is_soft: bool) -> bool {
        let key = self.shared.keys.of_url(url);
        self.shared.changes.note(key.digest());
        self.purge(Purged::Url(&key), is_soft) > 0
    }

    /// Purges all URLs that begin with this, `http://host/path`; tells how many. The host is in lower case and without its
    /// default port.
    #[expect(clippy::must_use_candidate, reason = "it is done for its effect")]
    pub fn purge_prefix(&self, prefix: &str, is_soft: bool) -> usize {
        self.shared.changes.note_all();
        self.purge(Purged::Prefix(prefix), is_soft)
    }

    /// Purges all URLs of which a response has this tag in `Surrogate-Key` or `Cache-Tag`; tells how many.
    #[expect(clippy::must_use_candidate, reason = "it is done for its effect")]
    pub fn purge_tag(&self, tag: &str, is_soft: bool) -> usize {
        self.shared.changes.note_all();
        self.purge(Purged::Tag(tag), is_soft)
    }

    /// Purges everything; tells how many URLs that was.
    #[expect(clippy::must_use_candidate, reason = "it is done for its effect")]
    pub fn purge_all(&self, is_soft: bool) -> usize {
        self.shared.changes.note_all();
        self.purge(Purged::All, is_soft)
    }

    fn purge(&self, what: Purged<'_>, is_soft: bool) -> usize {
        self.shared.store.purge(&Purge::new(what, is_soft))
    }
}
