//! What a request is counted by.

mod client_address;
mod compound;
mod facts;
mod forwarded;

pub use client_address::{ByClientAddress, Forwarding};
pub use compound::{Both, Either};
pub use facts::{ByApiKey, ByHeader, ByPrincipal, ByRoute, ByTenant};

use super::{Key, RequestHead};

/// Says whose quota a request is charged to. Closures of `Fn(&RequestHead<'_>) -> Option<Key>` implement it.
///
/// ```
/// use integridai_tower::rate_limit::{ByHeader, ByPrincipal, KeyBy};
///
/// // By the caller and what it says its device is; requests without a principal by the device alone.
/// let device = ByHeader::new(http::HeaderName::from_static("x-device"));
/// let key_by = ByPrincipal::new().and(device.clone()).or(device);
///
/// let request = http::Request::get("/").header("x-device", "d1").body(())?;
/// assert!(key_by.key(&(&request).into()).is_some());
/// # Ok::<(), http::Error>(())
/// ```
pub trait KeyBy: Send + Sync {
    /// The key; `None` where the request has nothing to be counted by: see [`WithoutKey`](super::WithoutKey).
    fn key(&self, request: &RequestHead<'_>) -> Option<Key>;

    /// By both: where either finds nothing, there is no key.
    fn and<K: KeyBy>(self, other: K) -> Both<Self, K>
    where
        Self: Sized,
    {
        Both::new(self, other)
    }

    /// By the other, where this one finds nothing. The keys of the two are never the same.
    fn or<K: KeyBy>(self, other: K) -> Either<Self, K>
    where
        Self: Sized,
    {
        Either::new(self, other)
    }
}

impl<F: Fn(&RequestHead<'_>) -> Option<Key> + Send + Sync> KeyBy for F {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        self(request)
    }
}
