use http::request;

/// Decides whose word counts. Closures of `Fn(&request::Parts) -> bool` implement it.
///
/// A server that knows its peers leaves the address, or what the connection proved of the peer, in the request's
/// extensions; a header that the peer wrote proves nothing.
pub trait TrustPeer: Send + Sync {
    /// Whether what this request says of its id, its trace and its baggage is taken over.
    fn trusts(&self, request: &request::Parts) -> bool;
}

impl<F: Fn(&request::Parts) -> bool + Send + Sync> TrustPeer for F {
    fn trusts(&self, request: &request::Parts) -> bool {
        self(request)
    }
}
