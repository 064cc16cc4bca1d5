//! How much of an answer is read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use integridai_tower::BoxError;
use integridai_tower::client::{ClientError, ErrorKind, Fault, Refusal, Retry, ServiceClient};
use tower::service_fn;

use crate::endpoint::get;

const LIMIT: usize = 1_000;
/// What is read of an error's body at most.
const ERROR_LIMIT: usize = 64 * 1024;

/// A body of so many bytes in chunks of ten that does not say how long it is.
struct Chunks(usize);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.0.min(10);
        self.0 -= size;
        Poll::Ready((size > 0).then(|| Ok(Frame::data(Bytes::from_static(&b"xxxxxxxxxx"[..size])))))
    }
}

/// A body that must not be read.
struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read");
    }
}

async fn read<B>(limit: usize, status: u16, length: Option<&str>, body: B) -> Result<Bytes, ClientError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.parse().expect("a header value"));
    }
    let mut response = Some(response);
    let service = std::sync::Arc::new(std::sync::Mutex::new(move || response.take().expect("one call")));
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        std::future::ready(Ok::<_, Infallible>(service.lock().unwrap()()))
    });
    let client = ServiceClient::new("service", "http://host", service).expect("the URL is right");
    client.max_response_bytes(limit).call(get()).send().await
}

fn too_large(limit: usize) -> ErrorKind {
    ErrorKind::TooLarge { limit }
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_read() {
    for length in [None, Some("1000")] {
        assert_eq!(read(LIMIT, 200, length, Chunks(LIMIT)).await.unwrap().len(), LIMIT, "{length:?}");
    }
    assert_eq!(read(LIMIT, 200, None, Full::from(vec![b'x'; LIMIT])).await.unwrap().len(), LIMIT);
    assert_eq!(read(0, 200, Some("0"), Chunks(0)).await.unwrap(), "");
}

#[tokio::test]
async fn one_byte_more_than_the_limit_is_too_large() {
    let error = read(LIMIT, 200, None, Chunks(LIMIT + 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (&too_large(LIMIT), Fault::Service));
    assert_eq!(error.retry(), Retry::No);
    assert_eq!(error.to_string(), "service ask: the answer is larger than 1000 bytes");
    assert_eq!(read(0, 200, None, Chunks(1)).await.unwrap_err().kind(), &too_large(0));
}

#[tokio::test]
async fn an_answer_that_declares_too_much_is_not_read_at_all() {
    let error = read(LIMIT, 200, Some("1001"), Untouchable).await.unwrap_err();
    assert_eq!(error.kind(), &too_large(LIMIT));
}

#[tokio::test]
async fn a_declared_length_that_is_wrong_does_not_lift_the_limit() {
    for length in ["5", "-1", "x", "99999999999999999999999"] {
        let error = read(LIMIT, 200, Some(length), Chunks(LIMIT + 1)).await.unwrap_err();
        assert_eq!(error.kind(), &too_large(LIMIT), "{length}");
    }
}

async fn refusal(limit: usize, body: impl Into<Bytes>) -> Option<Refusal> {
    let error = read(limit, 500, None, Full::new(body.into())).await.unwrap_err();
    match error.kind() {
        ErrorKind::Status { status, refusal, retry_after: None } if status.as_u16() == 500 => refusal.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_error_keeps_its_status_however_much_it_says() {
    let words = |size: usize| [b"refused: ".as_slice(), &vec![b'x'; size - 9]].concat();
    assert!(refusal(usize::MAX, words(ERROR_LIMIT)).await.is_some());
    assert_eq!(refusal(usize::MAX, words(ERROR_LIMIT + 1)).await, None);
    assert_eq!(refusal(LIMIT, words(LIMIT + 1)).await, None, "a smaller limit of the client holds too");
    assert_eq!(refusal(LIMIT, words(LIMIT)).await.unwrap().message.len(), Refusal::MAX_LEN);
    let declared = read(LIMIT, 502, Some("99999999"), Untouchable).await.unwrap_err();
    assert!(matches!(declared.kind(), ErrorKind::Status { refusal: None, .. }), "{declared}");
}

#[tokio::test]
async fn a_long_refusal_is_cut_between_characters() {
    let message = refusal(usize::MAX, format!("refused: {}", "é".repeat(400))).await.unwrap().message;
    assert_eq!(message, "é".repeat(256));
    let message = refusal(usize::MAX, format!("refused: x{}", "é".repeat(400))).await.unwrap().message;
    assert_eq!(message.len(), 511);
}

#[tokio::test]
async fn a_body_that_fails_broke_unless_the_answer_is_an_error_anyway() {
    let failing = || {
        let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("cut"))];
        http_body_util::StreamBody::new(futures_util::stream::iter(frames))
    };
    let error = read(LIMIT, 200, None, failing()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (&ErrorKind::Broken, Fault::Network));
    let error = read(LIMIT, 404, None, failing()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Status { refusal: None, .. }), "{error}");
}
