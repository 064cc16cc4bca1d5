//! How many WebSockets somebody has.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use integridai_tower::Principal;
use tokio::time::Instant;

/// When what somebody presented ends, where it does.
#[must_use]
pub fn end_of(principal: &Principal) -> Option<Instant> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::now().checked_add(principal.expires_at()?.saturating_sub(now))
}

/// Counts open connections by principal. A clone is the same.
#[derive(Clone)]
pub struct Connections {
    open: Arc<Mutex<HashMap<Caller, usize>>>,
    max: usize,
}

/// Issuer and subject.
type Caller = (Option<String>, String);

/// A connection that counts until it is dropped.
pub struct Connection {
    connections: Connections,
    caller: Caller,
}

/// The principal has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many connections are open as one caller may have")]
pub struct TooManyConnections;

impl Connections {
    /// At most `max` for each principal.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { open: Arc::default(), max }
    }

    /// One more of this principal.
    ///
    /// # Errors
    ///
    /// [`TooManyConnections`] when it has as many as it may.
    pub fn open(&self, principal: &Principal) -> Result<Connection, TooManyConnections> {
        let caller = (principal.issuer().map(str::to_owned), principal.subject().to_owned());
        let mut open = self.lock();
        let count = open.get(&caller).copied().unwrap_or(0);
        if count >= self.max {
            return Err(TooManyConnections);
        }
        open.insert(caller.clone(), count + 1);
        Ok(Connection { connections: self.clone(), caller })
    }

    fn close(&self, caller: &Caller) {
        let mut open = self.lock();
        match open.get_mut(caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(caller)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.close(&self.caller);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("max", &self.max).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_principal_has_its_own_and_gets_them_back() {
        let connections = Connections::new(2);
        let [ann, bob] = ["ann", "bob"].map(|subject| Principal::builder(subject).build());
        let first = connections.open(&ann).unwrap();
        let _second = connections.open(&ann).unwrap();
        assert_eq!(connections.open(&ann).err(), Some(TooManyConnections));
        let of_bob = connections.open(&bob).unwrap();
        drop((first, of_bob));
        let _third = connections.open(&ann).unwrap();
        assert!(connections.open(&ann).is_err());
        assert_eq!(connections.lock().len(), 1, "who has none takes no room");
    }
}
