//! A layer's refusal in the form of every problem here.

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, Response, header, request};
use integridai_tower::Refusal;

use crate::respond::Problem;

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The words are those of the layer.
pub(super) fn refused<R: Refusal>(refusal: &R, _: &request::Parts) -> Response<Bytes> {
    let problem = Problem::new(refusal.status(), refusal.detail());
    let mut response = problem.into_response().map(|_| Bytes::new());
    refusal.add_headers(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
