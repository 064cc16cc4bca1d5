//! That a layer did not let a request through.

use std::error::Error;

/// In the extensions of a response that a layer made instead of calling the inner service, and among the
/// [sources](std::error::Error::source) of an error that a layer around a client gave for a call it did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("refused by {layer}: {reason}")]
pub struct Refused {
    /// The layer, as its module is called.
    pub layer: &'static str,
    /// Why, in one word of the layer's fixed set.
    pub reason: &'static str,
}

impl Refused {
    /// The outermost one among `error` and its [sources](Error::source): the call was not made.
    #[must_use]
    pub fn of_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        // A chain that refers to itself would have no end.
        let mut chain = std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16);
        chain.find_map(|error: &'a (dyn Error + 'static)| error.downcast_ref())
    }
}

/// In the extensions of a response whose request a layer in shadow mode let through, although it would have refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WouldRefuse(pub Refused);
