//! What an error says of the call, whatever layers have put around it.

use std::error::Error;

use super::deadline::DeadlinePassed;
use super::transport::TransportError;
use crate::Refused;

/// What a call died of, as far as the client's layers and transports tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// The exchange itself failed.
    Transport(&'a TransportError),
    /// It was sent, and there was no answer in time.
    TimedOut(DeadlinePassed),
    /// A layer did not let it through; nothing was sent.
    Refused,
}

impl<'a> Cause<'a> {
    /// The outermost cause among the sources of `error`.
    pub(super) fn of(error: &'a (dyn Error + 'static)) -> Option<Self> {
        chain(error).find_map(Self::of_one)
    }

    fn of_one(error: &'a (dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref() {
            return Some(Self::Transport(error));
        }
        if let Some(error) = error.downcast_ref() {
            return Some(Self::TimedOut(*error));
        }
        error.is::<Refused>().then_some(Self::Refused)
    }
}

/// An error and its sources, from the outermost. A chain that refers to itself would have no end.
pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| <dyn Error>::source(*error)).take(16)
}
