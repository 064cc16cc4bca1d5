//! A service of one address.

use std::task::{Context, Poll};

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};
use tower_service::Service;

/// Sends each request to this address, whatever host its target names. `Host` keeps the name of the service, so that it sees
/// the same request at each address.
///
/// The path and the scheme stay. With `https`, an address is what a certificate is checked against: use names there.
#[derive(Debug, Clone)]
pub struct AtAddress<S> {
    inner: S,
    address: Authority,
}

impl<S> AtAddress<S> {
    /// Through `inner`, a transport, to `address`, such as `10.0.0.1:8080` or `replica-1.billing:8080`.
    pub fn new(inner: S, address: Authority) -> Self {
        Self { inner, address }
    }
}

impl<S, B> Service<Request<B>> for AtAddress<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        keep_host(&mut request);
        let mut target = std::mem::take(request.uri_mut()).into_parts();
        target.scheme.get_or_insert(Scheme::HTTP);
        target.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        target.authority = Some(self.address.clone());
        // It has all three parts, so it is a target.
        *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
        self.inner.call(request)
    }
}

/// As the target has it (RFC 9110 §7.2), without the port that its scheme implies and without user information.
fn keep_host<B>(request: &mut Request<B>) {
    let Some(host) = request.uri().authority() else { return };
    let implied = match request.uri().scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let without_user = host.as_str().rsplit_once('@').map_or(host.as_str(), |(_, host)| host);
    let name = if host.port_u16() == Some(implied) { host.host() } else { without_user };
    if let Ok(name) = HeaderValue::from_str(name) {
        request.headers_mut().entry(HOST).or_insert(name);
    }
}
