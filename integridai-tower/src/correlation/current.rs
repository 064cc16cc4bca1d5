//! The correlation of the request that is being worked on, for code that does not see the request.

use std::cell::RefCell;
use std::mem::{ManuallyDrop, swap};

use super::scope::Scoped;
use super::{Baggage, TraceContext};
use crate::CorrelationId;

thread_local! {
    /// Set while a scope is polled and put back when the poll returns, so that no other task of the thread sees it. When a
    /// thread ends, no scope is being polled and nothing is left to drop: without a destructor an access costs less.
    static CURRENT: RefCell<ManuallyDrop<Option<Correlation>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Which request it is: its id, where it stands in a trace, what travels along.
///
/// [`current`](Self::current) has it wherever the future of a [`CorrelationLayer`](super::CorrelationLayer) is being polled. A
/// task that is spawned there does not inherit it: hand it over with [`scope`](Self::scope).
///
/// ```
/// use integridai_tower::CorrelationId;
/// use integridai_tower::correlation::Correlation;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let job = Correlation::new("job-7".parse().unwrap());
/// let worked = tokio::spawn(job.scope(async {
///     // Far away, where nobody handed the id over.
///     CorrelationId::current().map(|id| id.to_string())
/// }));
/// assert_eq!(worked.await.unwrap().as_deref(), Some("job-7"));
/// assert_eq!(CorrelationId::current(), None);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    id: CorrelationId,
    trace: Option<TraceContext>,
    baggage: Baggage,
}

impl Correlation {
    /// A request, or whatever else bears an id, outside of any trace and without baggage.
    #[must_use]
    pub fn new(id: CorrelationId) -> Self {
        Self { id, trace: None, baggage: Baggage::default() }
    }

    /// The correlation of the innermost scope that is being polled on this thread.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(|current| Option::clone(current))
    }

    /// Looks at the correlation of the innermost scope without a copy. Whatever is done there must not enter a scope.
    pub(super) fn with_current<T>(look: impl FnOnce(Option<&Self>) -> T) -> T {
        CURRENT.with_borrow(|current| look(current.as_ref()))
    }

    /// The same in this place of a trace.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<Option<TraceContext>>) -> Self {
        self.trace = trace.into();
        self
    }

    /// The same with this baggage.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = baggage;
        self
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &CorrelationId {
        &self.id
    }

    /// Its place in a trace.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// What travels along.
    #[must_use]
    pub fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    /// The future, with this as what is current while it is polled and while it is dropped.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(self, future)
    }
}

impl CorrelationId {
    /// The id of the request that is being worked on; see [`Correlation::current`].
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(|current| current.as_ref().map(|current| current.id.clone()))
    }
}

/// What was current before is put back when this is dropped, also by a panic.
pub(super) struct Entered<'a>(&'a mut Option<Correlation>);

impl<'a> Entered<'a> {
    /// Makes what stands in the place current, and keeps in the place what was.
    #[inline]
    pub(super) fn enter(place: &'a mut Option<Correlation>) -> Self {
        CURRENT.with_borrow_mut(|current| swap(&mut **current, place));
        Self(place)
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| swap(&mut **current, self.0));
    }
}
