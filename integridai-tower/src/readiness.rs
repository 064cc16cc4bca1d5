//! The rule that the instance which was polled ready is the one that is called.

use std::mem;

/// Takes the service that was polled ready out of its place and leaves a clone there.
///
/// Readiness may be a permit that one instance holds, and a clone does not have it. So a layer that has to wait between
/// its own `call` and that of the inner service takes the ready instance with it, and the clone is polled anew.
pub(crate) fn take_ready<S: Clone>(service: &mut S) -> S {
    let not_ready = service.clone();
    mem::replace(service, not_ready)
}
