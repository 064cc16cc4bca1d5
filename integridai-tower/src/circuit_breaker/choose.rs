//! Which circuit a request goes through.

use std::fmt;
use std::sync::Arc;

use super::permit::Permit;
use super::{Circuit, CircuitOpen, Circuits};

type KeyOf<R> = dyn Fn(&R) -> Option<String> + Send + Sync;

/// Always the same one, or that of the request's key.
pub(super) enum Choose<R> {
    One(Circuit),
    ByKey(Circuits, Arc<KeyOf<R>>),
}

impl<R> Choose<R> {
    /// `None` where the request has no key and so is let through.
    pub(super) fn admit(&self, request: &R) -> Option<Result<Permit, CircuitOpen>> {
        match self {
            Self::One(circuit) => Some(circuit.admit()),
            Self::ByKey(circuits, key_of) => key_of(request).map(|key| circuits.circuit(&key).admit()),
        }
    }
}

impl<R> Clone for Choose<R> {
    fn clone(&self) -> Self {
        match self {
            Self::One(circuit) => Self::One(circuit.clone()),
            Self::ByKey(circuits, key_of) => Self::ByKey(circuits.clone(), Arc::clone(key_of)),
        }
    }
}

impl<R> fmt::Debug for Choose<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(circuit) => f.debug_tuple("One").field(circuit).finish(),
            Self::ByKey(circuits, _) => f.debug_tuple("ByKey").field(circuits).finish(),
        }
    }
}
