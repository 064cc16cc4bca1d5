//! Trailers go the way of the content, less those that a service might take for fields of the head.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Limited;

use super::names::{is_never_passed, is_of_the_inside, is_protected, undisguised};
use super::route::Identity;

/// A client's content, of which only so much is read and whose trailers say nothing of who asks.
pub(super) struct ClientContent {
    body: Limited<axum::body::Body>,
    identity: Identity,
}

impl ClientContent {
    pub(super) fn new(body: axum::body::Body, max_bytes: usize, identity: Identity) -> Self {
        Self { body: Limited::new(body, max_bytes), identity }
    }
}

impl Body for ClientContent {
    type Data = Bytes;
    type Error = integridai_tower::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| without_fields_of_heads(frame, &self.identity))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn without_fields_of_heads(frame: Frame<Bytes>, identity: &Identity) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            clean(&mut trailers, identity);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

fn clean(trailers: &mut HeaderMap, identity: &Identity) {
    let is_of_heads = |name: &str| {
        is_protected(name) || is_never_passed(name) || is_of_the_inside(name) || identity.has(name)
    };
    let gone: Vec<_> = trailers
        .keys()
        .filter(|name| is_of_heads(&undisguised(name).unwrap_or_else(|| name.as_str().to_owned())))
        .cloned()
        .collect();
    gone.iter().for_each(|name| drop(trailers.remove(name)));
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn trailers_say_nothing_of_who_asks() {
        let identity = Identity::of(["x-user-id".to_owned()]);
        let names = [
            "x-checksum",
            "authorization",
            "x-user-id",
            "x_user_id",
            "x-forwarded-for",
            "host",
            "grpc-status",
        ];
        let field = |name| (HeaderName::from_static(name), HeaderValue::from_static("1"));
        let mut trailers = HeaderMap::from_iter(names.map(field));
        clean(&mut trailers, &identity);
        let mut left: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["grpc-status", "x-checksum"]);
    }
}
