//! `Prefer` (RFC 7240): how a client wants to be answered.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

/// What a client wants.
pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What of it counts (RFC 7240 §3).
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What was asked for. What is not known, or makes no sense, is as if it had not been said (RFC 7240 §2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prefer {
    /// Answer 202 rather than wait (§4.1).
    pub(super) respond_async: bool,
    /// Wait for so many seconds at most (§4.3).
    pub(super) wait: Option<u32>,
}

impl Prefer {
    /// Reads all fields of the name; of a preference that is said twice the first counts.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let fields = headers.get_all(PREFER).into_iter().filter_map(|value| value.to_str().ok());
        for preference in fields.flat_map(|field| field.split(',')) {
            // Parameters behind a semicolon say nothing that is known of either.
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("respond-async") {
                prefer.respond_async = true;
            } else if name.eq_ignore_ascii_case("wait") && prefer.wait.is_none() {
                prefer.wait = seconds(value);
            }
        }
        prefer
    }

    /// Whether the execution may go on after its request was answered.
    pub(super) fn outlasts(self) -> bool {
        self.respond_async || self.wait.is_some()
    }

    /// How long to wait, of at most so long.
    pub(super) fn patience(self, most: Duration) -> Option<Duration> {
        self.wait.map(|seconds| Duration::from_secs(seconds.into()).min(most))
    }

    /// What counted for an answer that was waited for, or for one that was not.
    pub(super) fn applied(self, is_accepted: bool) -> Option<HeaderValue> {
        let text = match (self.wait, self.respond_async && is_accepted) {
            (None, false) => return None,
            (None, true) => "respond-async".to_owned(),
            (Some(seconds), false) => format!("wait={seconds}"),
            (Some(seconds), true) => format!("respond-async, wait={seconds}"),
        };
        HeaderValue::try_from(text).ok()
    }
}

/// Delta seconds (RFC 9111 §1.2.2): digits alone; more than there is room for is as much as there is.
fn seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[&'static str]) -> (bool, Option<u32>) {
        let fields = fields.iter().map(|field| (PREFER, HeaderValue::from_static(field)));
        let prefer = Prefer::read(&fields.collect());
        (prefer.respond_async, prefer.wait)
    }

    #[test]
    fn every_way_to_say_it_is_understood_and_everything_else_ignored() {
        assert_eq!(read(&[]), (false, None));
        assert_eq!(read(&["respond-async, wait=100"]), (true, Some(100)));
        assert_eq!(read(&["Respond-Async", "WAIT = \"7\" ; x=1"]), (true, Some(7)));
        assert_eq!(read(&["wait=3, wait=9", "wait=12"]), (false, Some(3)));
        assert_eq!(read(&["wait=99999999999999"]), (false, Some(u32::MAX)));
        for field in [
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "wait=+1",
            "respond-asynchronous",
            "return=minimal",
            ",;=",
        ] {
            assert_eq!(read(&[field]), (false, None), "{field}");
        }
    }

    #[test]
    fn what_counted_is_told() {
        let applied = |respond_async, wait, is_accepted| {
            let told = Prefer { respond_async, wait }.applied(is_accepted);
            told.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        assert_eq!(applied(true, Some(5), true), "respond-async, wait=5");
        assert_eq!(applied(true, Some(5), false), "wait=5");
        assert_eq!(applied(true, None, true), "respond-async");
        assert_eq!(applied(true, None, false), "");
    }
}
