//! `Max-Forwards` (RFC 9110 §7.6.2): how many more gateways an OPTIONS may pass.

use http::header::MAX_FORWARDS;
use http::{HeaderMap, HeaderValue, Method};

/// Counts this gateway; tells whether the request ends here. Other methods, and what is no number, are left alone.
pub(super) fn ends_here(method: &Method, headers: &mut HeaderMap) -> bool {
    if *method != Method::OPTIONS {
        return false;
    }
    let text = headers.get(MAX_FORWARDS).and_then(|value| value.to_str().ok());
    let Some(left) = text.and_then(|text| text.parse::<u64>().ok()) else { return false };
    match left.checked_sub(1) {
        Some(less) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(less));
            false
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_options_passes_as_many_gateways_as_it_says() {
        for (method, given, ends, left) in [
            (Method::OPTIONS, "0", true, "0"),
            (Method::OPTIONS, "1", false, "0"),
            (Method::OPTIONS, "10", false, "9"),
            (Method::OPTIONS, "many", false, "many"),
            (Method::OPTIONS, "-1", false, "-1"),
            (Method::OPTIONS, "99999999999999999999", false, "99999999999999999999"),
            (Method::GET, "0", false, "0"),
        ] {
            let mut headers = HeaderMap::from_iter([(MAX_FORWARDS, HeaderValue::from_static(given))]);
            assert_eq!(ends_here(&method, &mut headers), ends, "{method} {given}");
            assert_eq!(headers[MAX_FORWARDS], left, "{method} {given}");
        }
        assert!(!ends_here(&Method::OPTIONS, &mut HeaderMap::new()));
    }
}
