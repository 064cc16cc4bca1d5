//! From one request to the branches that answer it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, request};

use super::branches::Branches;
use super::merge::Answer;
use super::options::Settings;
use super::refusal::FanOutFailed;
use crate::Deadline;

/// A request whose body is there.
#[derive(Debug)]
pub struct Whole<'a> {
    pub(super) head: request::Parts,
    pub(super) body: Bytes,
    pub(super) deadline: Option<Deadline>,
    pub(super) settings: &'a Arc<Settings>,
}

impl<'a> Whole<'a> {
    /// With the earliest of the request's own deadline and what options and policy say, and without what was for its connection.
    pub(super) fn new(mut head: request::Parts, body: Bytes, settings: &'a Arc<Settings>) -> Self {
        remove_connection_fields(&mut head.headers);
        let own = settings.timeout.into_iter().chain(settings.policy.within()).min().map(Deadline::after);
        let deadline = own.into_iter().chain(head.extensions.get().copied()).min();
        Self { head, body, deadline, settings }
    }
}

/// Fields of one connection are not for another (RFC 9110 §7.6.1), and the body is in one piece now.
fn remove_connection_fields(headers: &mut HeaderMap) {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    if headers.is_empty() {
        return;
    }
    let listed = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = listed.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let named: Vec<HeaderName> = named.collect();
    for name in [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].iter().chain(&named) {
        headers.remove(name);
    }
}

/// The head for a service whose answer is a piece of the whole. What is asked of the whole alone stays here: a part of its
/// content, or that it has changed, is nothing that a service knows, and codings cannot be merged.
pub(super) fn for_one(head: &request::Parts) -> request::Parts {
    let mut head = head.clone();
    if !head.headers.is_empty() {
        keep_what_is_of_the_whole(&head.method, &mut head.headers);
    }
    if head.method == Method::HEAD {
        head.method = Method::GET;
    }
    head
}

/// What changes something stays bound to its conditions (RFC 9110 §13.1.2).
fn keep_what_is_of_the_whole(method: &Method, headers: &mut HeaderMap) {
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
    if method.is_safe() {
        headers.remove(IF_NONE_MATCH);
        headers.remove(IF_MODIFIED_SINCE);
    }
    if headers.contains_key(ACCEPT_ENCODING) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// What a request comes to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "the large one is the usual one, and moved once")]
pub enum Scattered<B> {
    /// It is asked for.
    Branches(B),
    /// It needs nobody.
    Answer(Response<Bytes>),
    /// It is not asked for.
    Refused(FanOutFailed),
}

/// Makes branches of a request.
pub trait Scatter {
    /// The branches.
    #[doc(hidden)]
    type Branches: Branches;

    #[doc(hidden)]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches>;

    #[doc(hidden)]
    fn answers(values: <Self::Branches as Branches>::Values) -> Vec<Answer>;
}
