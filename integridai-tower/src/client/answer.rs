//! From a response to a typed answer, within the size limit.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout_at;

use super::cause::Cause;
use super::{Endpoint, ErrorKind};
use crate::retry_after::retry_after;
use crate::{BoxError, Deadline};

/// A failure before it is told which service and endpoint it happened at.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) source: Option<BoxError>,
}

/// The time that a call has. Its parts are bounded one by one: when it is up in the middle of an error's body, the
/// error is still the service's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    deadline: Deadline,
    given: Duration,
}

impl Time {
    /// The time until `deadline`, from now.
    pub(super) fn until(deadline: Deadline) -> Self {
        Self { deadline, given: deadline.remaining() }
    }

    pub(super) fn deadline(self) -> Deadline {
        self.deadline
    }

    pub(super) fn is_up(self) -> bool {
        self.given.is_zero()
    }

    pub(super) fn out(self) -> Failure {
        Failure { kind: ErrorKind::TimedOut { after: self.given }, source: None }
    }

    pub(super) async fn bound<T>(self, part: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout_at(self.deadline.instant(), part).await.unwrap_or_else(|_| Err(self.out()))
    }
}

/// The most that is read of an answer that is an error anyway.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Reads the answer until the deadline. An error is known by its head; its body only has words for it.
pub(super) async fn read<E, B>(
    endpoint: &E,
    response: Response<B>,
    limit: usize,
    time: Time,
) -> Result<E::Output, Failure>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        let words = time.bound(collect(&head.headers, body, limit.min(ERROR_BODY_LIMIT)));
        let body = words.await.unwrap_or_default();
        let refusal = endpoint.refusal(&body);
        let retry_after = retry_after(&head.headers, SystemTime::now());
        return Err(Failure {
            kind: ErrorKind::Status { status: head.status, refusal, retry_after },
            source: None,
        });
    }
    let body = time.bound(collect(&head.headers, body, limit)).await?;
    if let Some(refusal) = endpoint.refusal(&body) {
        return Err(Failure { kind: ErrorKind::Refused(refusal), source: None });
    }
    endpoint.decode(body).map_err(|error| Failure { kind: ErrorKind::Malformed, source: Some(error.into()) })
}

async fn collect<B>(headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, Failure>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let too_large = || Failure { kind: ErrorKind::TooLarge { limit }, source: None };
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Failure { kind: kind_of(&*error), source: Some(error) }),
    }
}

fn kind_of(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    match Cause::of(error) {
        Some(Cause::TimedOut(passed)) => ErrorKind::TimedOut { after: passed.after },
        _ => ErrorKind::Broken,
    }
}
