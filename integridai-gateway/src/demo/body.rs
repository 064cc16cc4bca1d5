//! Response bodies: whole ones, and those that only a failing service sends.
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::StatusCode;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};

use super::passage::Passage;

/// The common case costs no allocation and no dynamic call.
pub(super) type AnswerBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

const HUGE_SIZE: usize = 20 * 1024 * 1024;
const HUGE_CHUNK: usize = 64 * 1024;
const HUGE_HEAD: &[u8] = br#"{"success":true,"padding":""#;
const HUGE_TAIL: &[u8] = br#""}"#;

pub(super) fn whole(bytes: Bytes) -> AnswerBody {
    Either::Left(Full::new(bytes))
}

fn odd(stream: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static) -> AnswerBody {
    Either::Right(StreamBody::new(stream).boxed_unsync())
}

/// 20 MiB of JSON that is correct to the last byte.
pub(super) fn huge(passage: Passage) -> AnswerBody {
    let padding = Bytes::from(vec![b'x'; HUGE_CHUNK]);
    let left = HUGE_SIZE - HUGE_HEAD.len() - HUGE_TAIL.len();
    let stream = unfold((Some(passage), padding, None), move |(passage, padding, sent)| async move {
        let passage = passage?;
        let Some(sent) = sent else {
            return Some((Ok(Frame::data(Bytes::from_static(HUGE_HEAD))), (Some(passage), padding, Some(0))));
        };
        if sent == left {
            passage.answered(StatusCode::OK);
            return Some((Ok(Frame::data(Bytes::from_static(HUGE_TAIL))), (None, padding, Some(sent))));
        }
        let chunk = padding.slice(..HUGE_CHUNK.min(left - sent));
        let sent = sent + chunk.len();
        Some((Ok(Frame::data(chunk)), (Some(passage), padding, Some(sent))))
    });
    odd(stream)
}

/// One byte per interval.
pub(super) fn slow(bytes: Bytes, interval: Duration, status: StatusCode, passage: Passage) -> AnswerBody {
    let stream = unfold((bytes, Some(passage)), move |(mut bytes, passage)| async move {
        let passage = passage?;
        tokio::time::sleep(interval).await;
        let byte = bytes.split_to(bytes.len().min(1));
        let passage = if bytes.is_empty() {
            passage.answered(status);
            None
        } else {
            Some(passage)
        };
        Some((Ok(Frame::data(byte)), (bytes, passage)))
    });
    odd(stream)
}

/// The first half, and then the connection breaks.
pub(super) fn truncated(bytes: &Bytes, status: StatusCode, passage: Passage) -> AnswerBody {
    let half = bytes.slice(..bytes.len() / 2);
    let stream = unfold((Some(half), Some(passage)), move |(half, passage)| async move {
        let passage = passage?;
        if let Some(half) = half {
            return Some((Ok(Frame::data(half)), (None, Some(passage))));
        }
        // Without a pause the server would drop the half it has not flushed yet.
        tokio::task::yield_now().await;
        passage.answered(status);
        Some((Err(io::ErrorKind::BrokenPipe.into()), (None, None)))
    });
    odd(stream)
}

/// What reading a request's body came to.
pub(super) enum Received {
    Whole(Bytes),
    TooLarge,
    Broken,
}

/// Reads a request body of at most `limit` bytes within `patience`.
pub(super) async fn receive<B>(body: B, limit: usize, patience: Duration) -> Received
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() {
        return Received::Whole(Bytes::new());
    }
    let collected = http_body_util::Limited::new(body, limit).collect();
    match tokio::time::timeout(patience, collected).await {
        Ok(Ok(collected)) => Received::Whole(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Received::TooLarge,
        Ok(Err(_)) | Err(_) => Received::Broken,
    }
}
