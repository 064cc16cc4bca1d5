//! Whether a response may be stored (RFC 9111 §3), and which of its fields (§3.1).

use http::header::{CONNECTION, ETAG, HeaderName, LAST_MODIFIED, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::cache_control::CacheControl;
use super::directives::members;
use super::freshness::{Lifetime, is_heuristically_cacheable};
use super::rules::Rules;

/// What counts of the request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asker {
    /// The request had `Authorization`, or a principal stood in its extensions.
    pub(super) is_authenticated: bool,
    /// It said `no-store`, and clients are heard.
    pub(super) forbids_storing: bool,
}

/// Whether the response to a GET may be stored, and is of use when it is.
pub(super) fn is_storable(
    asker: Asker,
    status: StatusCode,
    headers: &HeaderMap,
    control: &CacheControl,
    lifetime: Lifetime,
    rules: &Rules,
) -> bool {
    let is_final = !status.is_informational() && status != StatusCode::NOT_MODIFIED;
    is_final
        && !asker.forbids_storing
        && !forbids(status, control, rules)
        && (!asker.is_authenticated || !rules.is_shared || is_shared_with_all(control))
        && is_allowed(status, control, lifetime, rules)
        && !shares_cookie_unasked(headers, control, lifetime, rules)
        && is_useful(headers, control, lifetime)
}

fn forbids(status: StatusCode, control: &CacheControl, rules: &Rules) -> bool {
    if control.must_understand {
        // Then `no-store` is for caches that do not know the status (RFC 9111 §5.2.2.3).
        return status.canonical_reason().is_none() || is_for_one(control, rules);
    }
    control.no_store || is_for_one(control, rules)
}

fn is_for_one(control: &CacheControl, rules: &Rules) -> bool {
    rules.is_shared && control.private.is_everything()
}

/// RFC 9111 §3.5.
fn is_shared_with_all(control: &CacheControl) -> bool {
    control.public || control.must_revalidate || control.s_maxage.is_some()
}

/// The last condition of RFC 9111 §3.
fn is_allowed(status: StatusCode, control: &CacheControl, lifetime: Lifetime, rules: &Rules) -> bool {
    control.public
        || matches!(lifetime, Lifetime::Explicit(_) | Lifetime::Configured(_))
        || (!rules.is_shared && control.private.is_everything())
        || is_heuristically_cacheable(status)
}

/// A cookie is for one client, unless the origin says itself that the response is for more (RFC 9111 §7.3).
pub(super) fn shares_cookie_unasked(
    headers: &HeaderMap,
    control: &CacheControl,
    lifetime: Lifetime,
    rules: &Rules,
) -> bool {
    let is_asked = control.public || matches!(lifetime, Lifetime::Explicit(_));
    rules.is_shared && !is_asked && headers.contains_key(SET_COOKIE)
}

/// Whether it can be reused at all, now or once the origin has been asked.
fn is_useful(headers: &HeaderMap, control: &CacheControl, lifetime: Lifetime) -> bool {
    let has_validator = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
    let says_how_long = match lifetime {
        Lifetime::Unknown => control.stale_while_revalidate.or(control.stale_if_error).is_some(),
        Lifetime::Explicit(_) | Lifetime::Configured(_) | Lifetime::Heuristic(_) => true,
    };
    has_validator || (says_how_long && !control.no_cache.is_everything())
}

/// Whether a field belongs to one connection, whatever `Connection` names (RFC 9110 §7.6.1, RFC 9111 §3.1).
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Fields that are not stored: those of one connection (RFC 9111 §3.1), and those that are named here.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut(Vec<HeaderName>);

impl LeftOut {
    /// What `Connection` names, and what the directives keep from being reused.
    pub(super) fn of(headers: &HeaderMap, control: &CacheControl, rules: &Rules) -> Self {
        let lines = headers.get_all(CONNECTION);
        let mut named: Vec<HeaderName> = lines
            .iter()
            .flat_map(|line| members(line.as_bytes()))
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .collect();
        named.extend_from_slice(control.no_cache.fields());
        if rules.is_shared {
            named.extend_from_slice(control.private.fields());
        }
        Self(named)
    }

    pub(super) fn has(&self, name: &HeaderName) -> bool {
        is_hop_by_hop(name.as_str()) || self.0.contains(name)
    }

    pub(super) fn remove_from(&self, headers: &mut HeaderMap) {
        let left_out: Vec<HeaderName> = headers.keys().filter(|name| self.has(name)).cloned().collect();
        for name in left_out {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::CACHE_CONTROL;

    use super::*;

    fn is(
        status: u16,
        control: &str,
        extra: &[(&'static str, &'static str)],
        asker: Asker,
        rules: &Rules,
    ) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, control.parse().unwrap());
        for (name, value) in extra {
            headers.insert(*name, value.parse().unwrap());
        }
        let control = CacheControl::of(&headers);
        let lifetime = control.s_maxage.or(control.max_age).map_or(Lifetime::Unknown, Lifetime::Explicit);
        is_storable(asker, StatusCode::from_u16(status).unwrap(), &headers, &control, lifetime, rules)
    }

    fn shared(status: u16, control: &str) -> bool {
        is(status, control, &[], Asker::default(), &Rules::shared())
    }

    #[test]
    fn any_final_status_with_a_lifetime_is_stored() {
        for status in [200, 201, 206, 299, 302, 400, 404, 418, 499, 500, 503, 599] {
            assert!(shared(status, "max-age=1"), "{status}");
        }
        for status in [100, 103, 304] {
            assert!(!shared(status, "max-age=1"), "{status}");
        }
    }

    #[test]
    fn what_is_forbidden_is_not_stored() {
        for control in [
            "no-store, max-age=9",
            "private, max-age=9",
            "max-age=9, must-understand, private",
            "no-cache",
            "",
        ] {
            assert!(!shared(200, control), "{control}");
        }
        assert!(shared(200, "private=\"x-a\", max-age=9"));
        assert!(is(200, "private, max-age=9", &[], Asker::default(), &Rules::private()));
        let forbidding = Asker { forbids_storing: true, ..Asker::default() };
        assert!(!is(200, "max-age=9", &[], forbidding, &Rules::shared()));
    }

    #[test]
    fn must_understand_replaces_no_store_where_the_status_is_known() {
        assert!(shared(200, "max-age=1, must-understand, no-store"));
        assert!(!shared(299, "max-age=1, must-understand, no-store"));
        assert!(!shared(299, "max-age=1, must-understand"));
    }

    #[test]
    fn answers_to_authenticated_requests_are_shared_when_told() {
        let alice = Asker { is_authenticated: true, ..Asker::default() };
        let of = |control| is(200, control, &[], alice, &Rules::shared());
        assert!(!of("max-age=9") && !of("max-age=9, proxy-revalidate"));
        assert!(of("max-age=9, public") && of("max-age=9, must-revalidate") && of("s-maxage=9"));
        assert!(is(200, "max-age=9", &[], alice, &Rules::private()));
    }

    #[test]
    fn a_validator_makes_a_response_useful() {
        let with = |status, control, extra| is(status, control, &[extra], Asker::default(), &Rules::shared());
        assert!(with(200, "no-cache", ("etag", "\"a\"")));
        assert!(with(200, "", ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")));
        assert!(!with(200, "", ("set-cookie", "a=b")) && with(200, "max-age=1", ("set-cookie", "a=b")));
        assert!(!with(500, "", ("etag", "\"a\"")));
        assert!(with(500, "public", ("etag", "\"a\"")));
    }

    #[test]
    fn fields_of_one_connection_are_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-a, X-B"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("te", "x"),
            ("keep-alive", "5"),
            ("x-c", "3"),
            ("x-d", "4"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let control = CacheControl {
            no_cache: super::super::cache_control::Scope::Fields(vec![HeaderName::from_static("x-d")]),
            ..CacheControl::default()
        };
        LeftOut::of(&headers, &control, &Rules::shared()).remove_from(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-c"]);
    }
}
