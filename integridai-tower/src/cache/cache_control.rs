//! What a response says about its reuse: `Cache-Control` (RFC 9111 §5.2.2, RFC 5861, RFC 8246).

use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::directives::{Directive, directives, members};

/// The directives of a response, each at its first occurrence (RFC 9111 §4.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CacheControl {
    /// Seconds; what is no number counts as 0, so that the response is stale.
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
    pub(super) no_cache: Scope,
    pub(super) private: Scope,
    pub(super) no_store: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) must_understand: bool,
}

const LONGEST_NAME: usize = "stale-while-revalidate".len();

/// What a directive is about that may name fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Scope {
    #[default]
    Nothing,
    /// The fields that it names, one at least.
    Fields(Vec<HeaderName>),
    /// Also where it names none, or what is no field name: then it cannot be known what it is about.
    Everything,
}

impl Scope {
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::Everything
    }

    pub(super) fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(fields) => fields,
            _ => &[],
        }
    }

    /// The wider of both.
    fn widen(&mut self, value: Option<&[u8]>) {
        let name = |name| HeaderName::from_bytes(name).ok();
        let named = value.and_then(|value| members(value).map(name).collect::<Option<Vec<_>>>());
        let Some(named) = named.filter(|named| !named.is_empty()) else {
            *self = Self::Everything;
            return;
        };
        match self {
            Self::Nothing => *self = Self::Fields(named),
            Self::Fields(fields) => fields.extend(named),
            Self::Everything => {}
        }
    }
}

impl CacheControl {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CACHE_CONTROL).into_iter().map(HeaderValue::as_bytes);
        let mut found = Self::default();
        directives(lines).for_each(|directive| found.note(&directive));
        found
    }

    pub(super) fn note(&mut self, directive: &Directive<'_>) {
        let value = directive.value.as_deref();
        let mut name = [0; LONGEST_NAME];
        let Some(name) = name.get_mut(..directive.name.len()) else { return };
        name.copy_from_slice(directive.name);
        name.make_ascii_lowercase();
        match &*name {
            b"max-age" => first(&mut self.max_age, directive),
            b"s-maxage" => first(&mut self.s_maxage, directive),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, directive),
            b"stale-if-error" => first(&mut self.stale_if_error, directive),
            b"no-cache" => self.no_cache.widen(value),
            b"private" => self.private.widen(value),
            b"no-store" => self.no_store = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            _ => {}
        }
    }
}

fn first(seconds: &mut Option<u64>, directive: &Directive<'_>) {
    if seconds.is_none() {
        *seconds = Some(directive.seconds().unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, line.parse().unwrap());
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn lifetimes_are_read_from_all_lines_in_any_case() {
        assert_eq!(of(&["MaX-aGe=3600"]).max_age, Some(3600));
        assert_eq!(of(&["public", "s-maxage=1, max-age=2"]).s_maxage, Some(1));
        assert_eq!(of(&["max-age=1, max-age=2"]).max_age, Some(1));
        assert_eq!(of(&["max-age=1", "max-age=2"]).max_age, Some(1));
        assert_eq!(of(&["max-age=x"]).max_age, Some(0));
        assert_eq!(of(&["max-age"]).max_age, Some(0));
        assert_eq!(of(&["max-age=-1"]).max_age, Some(0));
        assert_eq!(of(&["max-age =5"]).max_age, None);
        assert_eq!(of(&["x=\"max-age=9\", max-age=1"]).max_age, Some(1));
    }

    #[test]
    fn directives_may_name_fields() {
        let found = of(&["private=\"X-A, x-b\", no-cache=\"set-cookie\""]);
        assert_eq!(found.private.fields(), ["x-a", "x-b"]);
        assert_eq!(found.no_cache.fields(), ["set-cookie"]);
        for unclear in ["private=\"\"", "private=", "private=\"", "private=\"x-a, x b\""] {
            assert!(of(&[unclear]).private.is_everything(), "{unclear}");
        }
        assert!(of(&["private=\"x-a\", private"]).private.is_everything());
        assert!(of(&["no-cache", "no-cache=\"x-a\""]).no_cache.is_everything());
    }

    #[test]
    fn unknown_directives_are_skipped() {
        assert_eq!(of(&["foo, bar=baz", "no-store;", "no store"]), CacheControl::default());
    }

    proptest! {
        #[test]
        fn any_lines_are_read_without_a_panic(lines in proptest::collection::vec("[ -~\t]{0,60}", 0..4)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let _ = of(&lines);
        }
    }
}
