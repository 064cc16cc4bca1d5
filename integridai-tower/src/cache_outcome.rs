//! What a cache did for a request; its public place is `cache`.

use http::Extensions;

/// What the cache did for a request; found in the extensions of its response, by [`CacheOutcome::of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheOutcome {
    /// The store answered with what is fresh.
    Hit,
    /// The store answered with what is stale, while it is revalidated or since the client takes it.
    StaleHit,
    /// The origin confirmed what is stored.
    Confirmed,
    /// The origin failed, and the store answered with what is stale.
    StaleIfError,
    /// The origin answered, and the answer is stored as it comes.
    Stored,
    /// The origin answered, and the answer is not stored.
    Passed,
    /// The origin's answer to another request was shared.
    Collapsed,
    /// The request was none for a cache: its method, an upgrade, a condition for the origin.
    Bypassed,
    /// The request would have had to go to the origin and said `only-if-cached`.
    NotCached,
}

impl CacheOutcome {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 9] = [
        Self::Hit,
        Self::StaleHit,
        Self::Confirmed,
        Self::StaleIfError,
        Self::Stored,
        Self::Passed,
        Self::Collapsed,
        Self::Bypassed,
        Self::NotCached,
    ];

    /// What the cache did for the request of a response with these extensions; `None` where it did not see it.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Hit>().map(|Hit| Self::Hit).or_else(|| extensions.get::<Self>().copied())
    }

    /// One word of a fixed set, for metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::StaleHit => "stale_hit",
            Self::Confirmed => "confirmed",
            Self::StaleIfError => "stale_if_error",
            Self::Stored => "stored",
            Self::Passed => "passed",
            Self::Collapsed => "collapsed",
            Self::Bypassed => "bypassed",
            Self::NotCached => "not_cached",
        }
    }

    /// Whether the client was answered without the origin having sent the content.
    #[must_use]
    pub fn is_from_store(self) -> bool {
        matches!(self, Self::Hit | Self::StaleHit | Self::Confirmed | Self::StaleIfError)
    }

    pub(crate) fn put(self, extensions: &mut Extensions) {
        if self == Self::Hit {
            extensions.remove::<Self>();
            extensions.insert(Hit);
        } else {
            extensions.remove::<Hit>();
            extensions.insert(self);
        }
    }
}

/// [`CacheOutcome::Hit`] without a size, so that a hit does not allocate for it.
#[derive(Debug, Clone, Copy)]
struct Hit;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_at_their_own_place() {
        for (at, outcome) in CacheOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{outcome:?}");
        }
    }

    #[test]
    fn the_last_one_counts() {
        let mut extensions = Extensions::new();
        for outcome in [CacheOutcome::Hit, CacheOutcome::Stored, CacheOutcome::Hit] {
            outcome.put(&mut extensions);
            assert_eq!(CacheOutcome::of(&extensions), Some(outcome));
        }
    }
}
