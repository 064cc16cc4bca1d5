//! Whether a request comes from a web page of another site: any page can make the browser of whoever runs the demo
//! call a port on loopback.
use std::net::IpAddr;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue, Uri};

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Fetch Metadata is sent where no `Origin` is, as with an image. What is no browser sends neither.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().any(|origin| !is_loopback(origin))
        || headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site")
}

/// `null`, the origin of a file and of a sandbox, is anybody's.
fn is_loopback(origin: &HeaderValue) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok()) else { return false };
    if !matches!(origin.scheme_str(), Some("http" | "https")) {
        return false;
    }
    let host = origin.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(name: &'static str, value: &'static str) -> bool {
        is_foreign(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]))
    }

    #[test]
    fn only_pages_of_this_machine_are_at_home() {
        assert!(!is_foreign(&HeaderMap::new()));
        for origin in
            ["http://localhost:3002", "https://LOCALHOST", "http://127.0.0.1:3002", "http://[::1]:80"]
        {
            assert!(!foreign("origin", origin), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil.example:3000",
            "http://localhost@evil.example",
            "http://192.168.0.2",
            "file://localhost",
            "localhost",
            "null",
            "",
        ] {
            assert!(foreign("origin", origin), "{origin}");
        }
        assert!(foreign(SEC_FETCH_SITE, "cross-site"));
        for site in ["same-origin", "same-site", "none"] {
            assert!(!foreign(SEC_FETCH_SITE, site), "{site}");
        }
    }
}
