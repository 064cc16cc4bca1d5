//! What a request's head says of its body, and of how it is to be answered.

use std::convert::Infallible;
use std::future::{Future, ready};

use axum::extract::FromRequestParts;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, request};

use super::idempotency_key::{self, Malformed};
use super::prefer::Prefer;

/// The part of the head that counts, without a copy of the rest.
#[derive(Debug)]
pub(in crate::api) struct Head {
    pub(super) is_json: bool,
    pub(super) prefer: Prefer,
    pub(super) key: Result<Option<String>, Malformed>,
}

impl<S: Sync> FromRequestParts<S> for Head {
    type Rejection = Infallible;

    fn from_request_parts(
        parts: &mut request::Parts,
        _: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        ready(Ok(Self {
            is_json: is_json(&parts.headers),
            prefer: Prefer::read(&parts.headers),
            key: idempotency_key::read(&parts.headers),
        }))
    }
}

/// `application/json`, or a type that is JSON by its suffix (RFC 6839 §3.1), whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    let Some((kind, subtype)) = essence.unwrap_or_default().trim().split_once('/') else { return false };
    let suffix = subtype.rsplit_once('+').map_or(subtype, |(_, suffix)| suffix);
    kind.eq_ignore_ascii_case("application") && suffix.eq_ignore_ascii_case("json")
}
