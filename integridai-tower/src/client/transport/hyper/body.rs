//! The body of an answer, which brings its connection back to the pool.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::uri::Authority;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::link::Link;
use super::pool::Pool;
use crate::BoxError;

/// The body of an answer. Read to its end it gives its connection back; dropped before, it closes it.
pub struct PooledBody<B: Body + 'static = Full<Bytes>> {
    incoming: Incoming,
    borrowed: Option<Borrowed<B>>,
}

struct Borrowed<B: Body + 'static> {
    link: Box<Link<B>>,
    pool: Arc<Pool<B>>,
    host: Authority,
}

impl<B> Borrowed<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn give_back(mut self, context: &mut Context<'_>) {
        if self.link.poll_free(context) {
            self.pool.put(self.host.as_str(), self.link);
        }
    }
}

impl<B> PooledBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// The answer that came over `link`, with the rest of it to come.
    pub(super) async fn wrap(
        response: Response<Incoming>,
        link: Box<Link<B>>,
        pool: Arc<Pool<B>>,
        host: Authority,
    ) -> Response<Self> {
        let mut borrowed = Some(Borrowed { link, pool, host });
        if response.body().is_end_stream() {
            std::future::poll_fn(|context| {
                borrowed.take().into_iter().for_each(|borrowed| borrowed.give_back(context));
                Poll::Ready(())
            })
            .await;
        }
        response.map(|incoming| Self { incoming, borrowed })
    }
}

impl<B> Body for PooledBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut frame = Pin::new(&mut self.incoming).poll_frame(context);
        if frame.is_pending()
            && let Some(Borrowed { link, .. }) = &mut self.borrowed
        {
            link.drive(context);
            frame = Pin::new(&mut self.incoming).poll_frame(context);
        }
        let is_over = match &frame {
            Poll::Pending => false,
            Poll::Ready(Some(Ok(_))) => self.incoming.is_end_stream(),
            Poll::Ready(None | Some(Err(_))) => true,
        };
        if is_over && let Some(borrowed) = self.borrowed.take() {
            borrowed.give_back(context);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl<B: Body + 'static> fmt::Debug for PooledBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledBody").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}
