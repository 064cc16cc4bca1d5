//! What a client asks of the cache (RFC 9111 §5.2.1, §5.4, RFC 5861 §4).

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderValue};

use super::directives::directives;

/// The directives of a request. All seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RequestDirectives {
    pub(super) max_age: Option<u64>,
    pub(super) min_fresh: u64,
    /// How stale a response it takes; everything without a number.
    pub(super) max_stale: Option<u64>,
    pub(super) stale_if_error: u64,
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) only_if_cached: bool,
}

impl RequestDirectives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let lines = headers.get_all(CACHE_CONTROL).into_iter().map(HeaderValue::as_bytes);
        for directive in directives(lines) {
            match directive.name.to_ascii_lowercase().as_slice() {
                b"max-age" if found.max_age.is_none() => {
                    found.max_age = Some(directive.seconds().unwrap_or(0));
                }
                b"min-fresh" => found.min_fresh = directive.seconds().unwrap_or(0),
                b"max-stale" if directive.value.is_none() => found.max_stale = Some(u64::MAX),
                b"max-stale" => found.max_stale = Some(directive.seconds().unwrap_or(0)),
                b"stale-if-error" => found.stale_if_error = directive.seconds().unwrap_or(0),
                b"no-cache" => found.no_cache = true,
                b"no-store" => found.no_store = true,
                b"only-if-cached" => found.only_if_cached = true,
                _ => {}
            }
        }
        // Pragma counts where there is no Cache-Control (RFC 9111 §5.4).
        if !headers.contains_key(CACHE_CONTROL) {
            let lines = headers.get_all(PRAGMA).into_iter().map(HeaderValue::as_bytes);
            found.no_cache = directives(lines).any(|directive| directive.is("no-cache"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &str)]) -> RequestDirectives {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        RequestDirectives::of(&headers)
    }

    #[test]
    fn directives_are_read_from_all_lines() {
        let found = of(&[("cache-control", "Max-Age=5, max-stale"), ("cache-control", "only-if-cached")]);
        let expected = RequestDirectives {
            max_age: Some(5),
            max_stale: Some(u64::MAX),
            only_if_cached: true,
            ..RequestDirectives::default()
        };
        assert_eq!(found, expected);
        assert_eq!(of(&[("cache-control", "max-age=x")]).max_age, Some(0));
        assert_eq!(of(&[("cache-control", "a=\"no-cache\"")]), RequestDirectives::default());
    }

    #[test]
    fn pragma_counts_where_there_is_no_cache_control() {
        assert!(of(&[("pragma", "no-cache")]).no_cache);
        assert!(!of(&[("pragma", "no-cache"), ("cache-control", "max-age=1")]).no_cache);
        assert!(!of(&[("pragma", "foo")]).no_cache);
    }
}
