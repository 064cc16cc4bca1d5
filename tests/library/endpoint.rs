use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::Full;
use integridai_tower::BoxError;
use integridai_tower::client::{Endpoint, Malformed, Refusal};

/// An endpoint whose answer is the body; it reads `refused: …` as a refusal and `malformed` as malformed.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) body: Option<&'static str>,
}

pub(crate) fn get() -> Ask {
    Ask { method: Method::GET, path: "/thing", body: None }
}

pub(crate) fn post() -> Ask {
    Ask { method: Method::POST, path: "/thing", body: Some("{}") }
}

impl Endpoint for Ask {
    type Output = Bytes;
    const NAME: &'static str = "ask";

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    /// The body `unwritable` cannot be written.
    fn body(&self) -> Result<Option<Bytes>, BoxError> {
        match self.body {
            Some("unwritable") => Err("unwritable".into()),
            body => Ok(body.map(|text| Bytes::from_static(text.as_bytes()))),
        }
    }

    fn decode(&self, body: Bytes) -> Result<Bytes, Malformed> {
        if body == "malformed" { Err(Malformed::new("as it says")) } else { Ok(body) }
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        let words = body.strip_prefix(b"refused: ")?;
        Some(Refusal::new(None, &String::from_utf8_lossy(words)))
    }
}

pub(crate) type Answer = http::Response<Full<Bytes>>;

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = http::Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer
}

pub(crate) fn asking_for_patience(status: u16, retry_after: &str) -> Answer {
    let mut answer = answer(status, "");
    answer.headers_mut().insert(header::RETRY_AFTER, retry_after.parse().expect("a header value"));
    answer
}

/// An error of a service that says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("broken")
    }
}

impl std::error::Error for Broken {}
