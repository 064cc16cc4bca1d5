use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The id on its way back, and the names that it goes under. A future holds it, and not the settings: their count of users is
/// one that all threads share.
#[derive(Debug)]
pub(super) struct Echo {
    name: Option<HeaderName>,
    aliases: Option<Arc<[HeaderName]>>,
    value: HeaderValue,
}

impl Echo {
    #[inline]
    pub(super) fn new(
        name: Option<HeaderName>,
        aliases: Option<Arc<[HeaderName]>>,
        value: HeaderValue,
    ) -> Self {
        Self { name, aliases, value }
    }

    /// Puts the id on an answer, instead of whatever the inner service put there.
    #[inline]
    pub(super) fn put(self, headers: &mut HeaderMap) {
        for alias in self.aliases.iter().flat_map(|aliases| aliases.iter()) {
            headers.insert(alias, self.value.clone());
        }
        if let Some(name) = self.name {
            headers.insert(name, self.value);
        }
    }
}
