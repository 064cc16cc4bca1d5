use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::answer::Content;
use super::stream::Reader;
use crate::BoxError;

pin_project! {
    /// A body from the store, from the origin, or from the origin on its way to the store.
    pub struct CacheBody<B> {
        #[pin]
        source: Source<B>,
    }
}

pin_project! {
    #[project = SourceProjection]
    enum Source<B> {
        Inner { #[pin] body: B },
        Whole { bytes: Bytes, trailers: Option<Box<HeaderMap>> },
        Pieces { pieces: VecDeque<Bytes> },
        Shared { reader: Reader<B> },
    }
}

impl<B> CacheBody<B> {
    /// That of the inner service, as it is.
    pub(super) fn inner(body: B) -> Self {
        Self { source: Source::Inner { body } }
    }

    pub(super) fn shared(reader: Reader<B>) -> Self {
        Self { source: Source::Shared { reader } }
    }

    /// Keeps another thing alive as long as it is read, where others read it too.
    pub(super) fn beside(self, companion: Arc<dyn Any + Send + Sync>) -> Self {
        match self.source {
            Source::Shared { reader } => Self::shared(reader.beside(companion)),
            source => Self { source },
        }
    }

    pub(super) fn stored(content: Content) -> Self {
        let source = match content {
            Content::Empty => Source::Whole { bytes: Bytes::new(), trailers: None },
            Content::Whole { bytes, trailers } => Source::Whole { bytes, trailers },
            Content::Pieces(pieces) => Source::Pieces { pieces: pieces.into() },
        };
        Self { source }
    }
}

/// An empty body, which layers of other crates ask for that answer by themselves.
impl<B> Default for CacheBody<B> {
    fn default() -> Self {
        Self::stored(Content::Empty)
    }
}

impl<B: Body<Data = Bytes>> Body for CacheBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().source.project() {
            SourceProjection::Inner { body } => {
                body.poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            SourceProjection::Whole { bytes, trailers } => {
                let bytes = std::mem::take(bytes);
                let frame = if bytes.is_empty() {
                    trailers.take().map(|trailers| Frame::trailers(*trailers))
                } else {
                    Some(Frame::data(bytes))
                };
                Poll::Ready(frame.map(Ok))
            }
            SourceProjection::Pieces { pieces } => {
                Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
            }
            SourceProjection::Shared { reader } => reader.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Inner { body } => body.is_end_stream(),
            Source::Whole { bytes, trailers } => bytes.is_empty() && trailers.is_none(),
            Source::Pieces { pieces } => pieces.is_empty(),
            Source::Shared { reader } => reader.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Inner { body } => body.size_hint(),
            // A server frames what has a length by it, and then sends no trailers.
            Source::Whole { trailers: Some(_), .. } => SizeHint::default(),
            Source::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Source::Pieces { pieces } => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Source::Shared { reader } => reader.size_hint(),
        }
    }
}

impl<B> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Inner { .. } => "Inner",
            Source::Whole { .. } => "Whole",
            Source::Pieces { .. } => "Pieces",
            Source::Shared { .. } => "Shared",
        };
        f.debug_tuple("CacheBody").field(&source).finish()
    }
}
