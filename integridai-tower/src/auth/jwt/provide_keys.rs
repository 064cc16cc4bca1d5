//! Where the keys of an issuer come from, when they change.

use super::key_set::KeySet;

/// Knows the present keys of an issuer. Closures of `Fn() -> Option<KeySet>` implement it.
pub trait ProvideKeys: Send + Sync {
    /// The keys as they are now; `None` while none have been loaded. Is asked for every token: must not block.
    fn keys(&self) -> Option<KeySet>;
}

impl<F> ProvideKeys for F
where
    F: Fn() -> Option<KeySet> + Send + Sync,
{
    fn keys(&self) -> Option<KeySet> {
        self()
    }
}
