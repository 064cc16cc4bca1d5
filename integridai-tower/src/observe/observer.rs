use http::{request, response};

use super::Exchange;

/// Is told of each exchange, once. `Fn(&Exchange)` closures are observers without a context.
///
/// The calls come from the tasks that serve the requests, [`end`](Self::end) from destructors too: keep them short,
/// and do not panic.
pub trait Observe {
    /// What the observer keeps between the beginning and the end of an exchange.
    type Context;

    /// A request arrived.
    fn begin(&self, request: &request::Parts) -> Self::Context;

    /// The response's head is there. Not called when there is none.
    fn answered(&self, _context: &mut Self::Context, _response: &response::Parts) {}

    /// The exchange is over.
    fn end(&self, context: Self::Context, exchange: &Exchange);
}

impl<F: Fn(&Exchange)> Observe for F {
    type Context = ();

    fn begin(&self, _request: &request::Parts) {}

    fn end(&self, (): (), exchange: &Exchange) {
        self(exchange);
    }
}
