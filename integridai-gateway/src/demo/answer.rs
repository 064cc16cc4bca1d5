//! What a simulated service answers, before it becomes HTTP.
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::options::ErrorShape;

/// An answer, and what giving it did to the service.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) effect: Effect,
    pub(super) retry_after: Option<u64>,
}

/// What a request changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Applied,
    /// A repeated idempotency key: the stored answer went out, nothing was changed again.
    Replayed,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("the answers have string keys and finite figures");
        Self { status, body: body.into(), effect: Effect::Nothing, retry_after: None }
    }

    pub(super) fn success(data: impl Serialize) -> Self {
        Self::json(StatusCode::OK, &Success { success: true, data })
    }

    pub(super) fn applied(self) -> Self {
        Self { effect: Effect::Applied, ..self }
    }

    /// `{success:false, error:"text"}`
    pub(super) fn refusal(status: StatusCode, error: &str) -> Self {
        Self::json(status, &TextError { success: false, error, details: None })
    }

    /// `{success:false, error:{code, message, details}}`
    pub(super) fn coded(status: StatusCode, code: &str, message: &str, details: &str) -> Self {
        let error = CodedError { code, message, details };
        Self::json(status, &ObjectError { success: false, error })
    }

    /// An injected error, in the shape that was asked for.
    pub(super) fn injected(status: StatusCode, shape: ErrorShape) -> Self {
        let (message, details) = ("simulated failure", "injected by a control call");
        match shape {
            ErrorShape::Object => Self::coded(status, "SIMULATED_FAILURE", message, details),
            ErrorShape::Text => {
                Self::json(status, &TextError { success: false, error: message, details: Some(details) })
            }
        }
    }
}

#[derive(Serialize)]
struct Success<T> {
    success: bool,
    data: T,
}

#[derive(Serialize)]
struct TextError<'a> {
    success: bool,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
}

#[derive(Serialize)]
struct ObjectError<'a> {
    success: bool,
    error: CodedError<'a>,
}

#[derive(Serialize)]
struct CodedError<'a> {
    code: &'a str,
    message: &'a str,
    details: &'a str,
}

/// The health answer all three services share.
#[derive(Serialize)]
pub(super) struct Health<'a> {
    status: &'a str,
    service: &'a str,
    version: &'a str,
    timestamp: String,
    mode: &'a str,
    capabilities: &'a [&'a str],
}

impl<'a> Health<'a> {
    pub(super) fn of(service: &'a str, capabilities: &'a [&'a str]) -> Self {
        let timestamp = timestamp(OffsetDateTime::now_utc());
        let version = env!("CARGO_PKG_VERSION");
        Self { status: "healthy", service, version, timestamp, mode: "simulation", capabilities }
    }
}

/// RFC 3339 in UTC.
pub(super) fn timestamp(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).expect("years from 0 to 9999 have an RFC 3339 form")
}
