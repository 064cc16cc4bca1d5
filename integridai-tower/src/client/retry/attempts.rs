//! Which attempt it is, for the service.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Which attempt of a call a request is, from 1: the name that Envoy and the meshes built on it have for it.
pub const ATTEMPT_COUNT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// How many attempts gRPC was told there were before this one (gRFC A6).
const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// Numbers a request. What a client in front of this service wrote there counted other attempts.
pub(super) fn number(headers: &mut HeaderMap, attempt: u32) {
    headers.insert(ATTEMPT_COUNT, digits(attempt));
    if attempt > 1 && is_grpc(headers) {
        headers.insert(PREVIOUS_ATTEMPTS, digits(attempt - 1));
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn digits(number: u32) -> HeaderValue {
    // The first attempts are nearly all there are, and cost no allocation.
    const KNOWN: [&str; 5] = ["1", "2", "3", "4", "5"];
    match usize::try_from(number).ok().and_then(|number| KNOWN.get(number.wrapping_sub(1))) {
        Some(text) => HeaderValue::from_static(text),
        None => HeaderValue::from(number),
    }
}
