//! Which attempt it is, for the service, and how many there were, for the caller.

use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

/// Which attempt of a call a request is, from 1: the name that Envoy and the meshes built on it have for it.
pub const ATTEMPT_COUNT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// How many attempts a response took, in its extensions where it was more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempts(u32);

/// How many attempts gRPC was told there were before this one (gRFC A6).
const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

impl Attempts {
    pub(super) fn new(attempts: u32) -> Self {
        Self(attempts)
    }

    /// Of the response with these extensions; 1 where nothing else is said.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(1))
    }

    /// The number, from 1.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }
}

/// Numbers a request. What a client in front of this service wrote there counted other attempts.
pub(super) fn number(headers: &mut HeaderMap, attempt: u32) {
    headers.insert(ATTEMPT_COUNT, digits(attempt));
    let is_grpc =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if is_grpc && attempt > 1 {
        headers.insert(PREVIOUS_ATTEMPTS, digits(attempt - 1));
    }
}

fn digits(number: u32) -> HeaderValue {
    // The first attempts are nearly all there are, and cost no allocation.
    const KNOWN: [&str; 5] = ["1", "2", "3", "4", "5"];
    match usize::try_from(number).ok().and_then(|number| KNOWN.get(number.wrapping_sub(1))) {
        Some(text) => HeaderValue::from_static(text),
        None => HeaderValue::from(number),
    }
}
