//! What a fan-out of requests keeps to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::refusal::FanOutFailed;
use super::{Merge, Policy};
use crate::{ProblemJson, Reject};

/// How answers are merged, and the limits of a fan-out. See the [module docs](super).
#[derive(Debug, Clone)]
#[must_use]
pub struct FanOutOptions {
    settings: Settings,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) merge: Arc<dyn Merge>,
    pub(super) reject: Arc<dyn Reject<FanOutFailed>>,
    pub(super) policy: Policy,
    pub(super) concurrency: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) max_request_bytes: usize,
    pub(super) max_answer_bytes: usize,
    pub(super) max_parts: usize,
    pub(super) server_timing: bool,
}

impl FanOutOptions {
    /// Answers are put together by `merge`: a [`JsonMerge`](super::JsonMerge), or a closure of
    /// `Fn(Answers) -> Response<Bytes>`.
    pub fn new(merge: impl Merge + 'static) -> Self {
        let settings = Settings {
            merge: Arc::new(merge),
            reject: Arc::new(ProblemJson),
            policy: Policy::default(),
            concurrency: 16,
            timeout: None,
            max_request_bytes: 1 << 20,
            max_answer_bytes: 4 << 20,
            max_parts: 64,
            server_timing: true,
        };
        Self { settings }
    }

    /// When there is an answer; [`Policy::Required`] unless told.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// So many branches of one request run at the same time, at least 1; 16 unless told.
    pub fn concurrency(mut self, branches: usize) -> Self {
        self.settings.concurrency = branches.max(1);
        self
    }

    /// The longest that all branches may take together, beside the [`Deadline`](crate::Deadline) in the request's extensions. Not
    /// limited unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// A request with a longer body, in bytes, is refused; 1 MiB unless told.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_request_bytes = bytes;
        self
    }

    /// A branch whose answer is longer, in bytes, has failed; 4 MiB unless told.
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_answer_bytes = bytes;
        self
    }

    /// A request that is split into more parts is refused; 64 unless told.
    pub fn max_parts(mut self, parts: usize) -> Self {
        self.settings.max_parts = parts;
        self
    }

    /// Whether clients are told the branches' names and times in `Server-Timing`; they are, unless told.
    pub fn server_timing(mut self, is_told: bool) -> Self {
        self.settings.server_timing = is_told;
        self
    }

    /// Makes the response of a fan-out without a result; [`ProblemJson`] unless told.
    pub fn reject_with(mut self, reject: impl Reject<FanOutFailed> + 'static) -> Self {
        self.settings.reject = Arc::new(reject);
        self
    }

    pub(super) fn into_settings(self) -> Arc<Settings> {
        Arc::new(self.settings)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("policy", &self.policy)
            .field("concurrency", &self.concurrency)
            .field("timeout", &self.timeout)
            .field("max_request_bytes", &self.max_request_bytes)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .field("max_parts", &self.max_parts)
            .field("server_timing", &self.server_timing)
            .finish_non_exhaustive()
    }
}
