//! From one request to the branches that answer it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, request};

use super::branches::Branches;
use super::merge::Answer;
use super::options::Settings;
use super::refusal::FanOutFailed;
use crate::Deadline;

/// A request whose body is there.
#[derive(Debug)]
pub struct Whole {
    pub(super) head: request::Parts,
    pub(super) body: Bytes,
    pub(super) deadline: Option<Deadline>,
    pub(super) settings: Arc<Settings>,
}

impl Whole {
    /// The earlier of the request's own deadline and what the options say.
    pub(super) fn new(head: request::Parts, body: Bytes, settings: Arc<Settings>) -> Self {
        let own = settings.timeout.map(Deadline::after);
        let deadline = own.into_iter().chain(head.extensions.get().copied()).min();
        Self { head, body, deadline, settings }
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
    fn scatter(self, whole: &Whole) -> Scattered<Self::Branches>;

    #[doc(hidden)]
    fn answers(values: <Self::Branches as Branches>::Values) -> Vec<Answer>;
}
