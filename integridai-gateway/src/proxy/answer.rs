//! What a service answers, as a client gets it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, StatusCode, Version};
use http_body::{Frame, SizeHint};
use integridai_tower::BoxError;
use pin_project_lite::pin_project;

use super::prepare::Sent;
use super::{hops, via};
use crate::respond::{PassedOn, Problem};

pin_project! {
    /// Content of an answer to HEAD, or that is not modified: that there is none says nothing about how much there would be.
    struct WithoutLength<B> {
        #[pin]
        body: B,
    }
}

impl<B: http_body::Body> http_body::Body for WithoutLength<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// The service's answer, less what was of its connection; with another protocol behind it, where that was asked for.
pub(super) fn passed_on<B>(mut response: http::Response<B>, sent: Sent, pseudonym: &str) -> Response
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let Sent { ask, watch, is_to_head } = sent;
    let protocol = match (response.status(), ask) {
        (StatusCode::SWITCHING_PROTOCOLS, ask) => match ask.and_then(|ask| ask.open(&mut response)) {
            Some(protocol) => Some(protocol),
            None => return unasked(),
        },
        _ => None,
    };
    let (mut head, body) = response.into_parts();
    hops::take_off_answer(&mut head.headers);
    if let Some(protocol) = protocol {
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, protocol);
    }
    via::add(&mut head.headers, head.version, pseudonym);
    head.version = Version::default();
    head.extensions.insert(PassedOn);
    let has_no_content = is_to_head || head.status == StatusCode::NOT_MODIFIED;
    let body = match (has_no_content, body.is_end_stream()) {
        (true, _) => Body::new(WithoutLength { body }),
        (_, true) => Body::new(body),
        _ => Body::new(watch.over(body)),
    };
    Response::from_parts(head, body)
}

fn unasked() -> Response {
    Problem::new(StatusCode::BAD_GATEWAY, "the service changed the protocol, unasked").into_response()
}
