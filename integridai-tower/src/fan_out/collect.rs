//! A body in one piece, if it is not too long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use pin_project_lite::pin_project;

pin_project! {
    /// Reads a body to its end. One that comes in one piece is not copied.
    pub(super) struct Collect<B> {
        #[pin]
        body: B,
        limit: usize,
        only: Bytes,
        several: BytesMut,
    }
}

/// Why a body is not there.
pub(super) enum Unread<E> {
    /// It is longer than the limit.
    TooLarge,
    /// It broke off.
    Broken(E),
}

impl<B> Collect<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self { body, limit, only: Bytes::new(), several: BytesMut::new() }
    }
}

impl<B: Body> Future for Collect<B> {
    type Output = Result<Bytes, Unread<B::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.body.size_hint().lower() > (*this.limit - this.only.len() - this.several.len()) as u64 {
            return Poll::Ready(Err(Unread::TooLarge));
        }
        while let Some(frame) = ready!(this.body.as_mut().poll_frame(context)) {
            let frame = frame.map_err(Unread::Broken)?;
            // Trailers do not count.
            let Ok(mut data) = frame.into_data() else { continue };
            let known = this.only.len() + this.several.len();
            if data.remaining() > *this.limit - known {
                return Poll::Ready(Err(Unread::TooLarge));
            }
            if known == 0 && this.body.is_end_stream() {
                return Poll::Ready(Ok(data.copy_to_bytes(data.remaining())));
            }
            if known == 0 {
                *this.only = data.copy_to_bytes(data.remaining());
                continue;
            }
            if !this.only.is_empty() {
                this.several.extend_from_slice(&std::mem::take(this.only));
            }
            while data.has_remaining() {
                let piece = data.chunk();
                this.several.extend_from_slice(piece);
                let length = piece.len();
                data.advance(length);
            }
        }
        let several = std::mem::take(this.several);
        let only = std::mem::take(this.only);
        Poll::Ready(Ok(if several.is_empty() { only } else { several.freeze() }))
    }
}
