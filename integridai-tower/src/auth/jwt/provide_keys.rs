//! Where the keys of an issuer come from, when they change.

use std::pin::Pin;

use super::key_set::KeySet;

/// A reload of keys that is under way; ends in bounded time, whatever came of it.
pub type Reload = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Knows the present keys of an issuer. Closures of `Fn() -> Option<KeySet>` implement it.
pub trait ProvideKeys: Send + Sync {
    /// The keys as they are now; `None` while none have been loaded. Must not block.
    fn keys(&self) -> Option<KeySet>;

    /// A number that grows whenever a key may have been taken away, so that tokens which were verified before are
    /// checked again. Where it does not, they stay valid until they end.
    fn version(&self) -> u64 {
        0
    }

    /// Has the keys loaded anew, for a token whose key is not among them. `None` where that would be of no use.
    fn reload(&self) -> Option<Reload> {
        None
    }
}

impl<F> ProvideKeys for F
where
    F: Fn() -> Option<KeySet> + Send + Sync,
{
    fn keys(&self) -> Option<KeySet> {
        self()
    }
}
