//! What one kind of call sends and how its answer is read.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;

use crate::BoxError;

/// One operation of a service: request in, typed answer out.
pub trait Endpoint {
    /// What a good answer is decoded into.
    type Output;

    /// A name for logs and metrics: low in cardinality, without parameters, such as `analyze_provider`.
    const NAME: &'static str;

    /// The method; `GET` unless told otherwise.
    fn method(&self) -> Method {
        Method::GET
    }

    /// Whether a request can be made of this at all; asked before anything else. Refuse here what the path cannot
    /// carry, such as a dot segment (RFC 3986 §5.2.4).
    ///
    /// # Errors
    ///
    /// What is wrong with the call.
    fn check(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// The path below the client's base URL, from `/`, percent-encoded, with the query if there is one.
    fn path(&self) -> Cow<'_, str>;

    /// The JSON body, if the call has one.
    ///
    /// # Errors
    ///
    /// Whatever kept the body from being written.
    fn body(&self) -> Result<Option<Bytes>, BoxError> {
        Ok(None)
    }

    /// Whether sending the call twice has the effect of sending it once, even without an idempotency key.
    /// By default what RFC 9110 §9.2.2 says of the method.
    fn is_idempotent(&self) -> bool {
        self.method().is_idempotent()
    }

    /// Reads the body of an answer with a 2xx status.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the body is not what this endpoint answers.
    fn decode(&self, body: Bytes) -> Result<Self::Output, Malformed>;

    /// Finds what the service says of its own failure, in an answer with any status. A refusal in a 2xx answer
    /// makes the call fail; in others it gives the error its text.
    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        let _ = body;
        None
    }
}

/// An answer came, but it is not what the endpoint answers.
#[derive(Debug, thiserror::Error)]
#[error("malformed answer: {0}")]
pub struct Malformed(#[source] BoxError);

impl Malformed {
    /// Wraps the reason.
    pub fn new(reason: impl Into<BoxError>) -> Self {
        Self(reason.into())
    }
}

/// The service's own words on why it did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The service's code for it, if it has codes; at most [`Refusal::MAX_LEN`] bytes, without control characters.
    pub code: Option<String>,
    /// The text; at most [`Refusal::MAX_LEN`] bytes, without control characters.
    pub message: String,
}

impl Refusal {
    /// The greatest length of a message in bytes; what is longer is cut.
    pub const MAX_LEN: usize = 512;

    /// A refusal with the service's code and text.
    #[must_use]
    pub fn new(code: Option<&str>, message: &str) -> Self {
        Self { code: code.map(cut), message: cut(message) }
    }
}

/// Text of a service goes into logs and answers: short, and on one line.
fn cut(text: &str) -> String {
    let kept = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= Refusal::MAX_LEN);
    kept.map(|(_, c)| c).filter(|c| !c.is_control()).collect()
}
