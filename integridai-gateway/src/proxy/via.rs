//! `Via` (RFC 9110 §7.6.3): which way a message came, and whether it was here before.

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};

/// Whether the message came by a gateway of this name.
#[must_use]
pub(super) fn was_here(headers: &HeaderMap, pseudonym: &str) -> bool {
    let members = headers.get_all(VIA).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut received_by = members.filter_map(|member| {
        let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next()?;
        words.next()
    });
    received_by.any(|name| name.eq_ignore_ascii_case(pseudonym.as_bytes()))
}

/// Adds that it came here in this version of HTTP.
pub(super) fn add(headers: &mut HeaderMap, version: Version, pseudonym: &str) {
    let protocol = match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    };
    if let Ok(value) = HeaderValue::try_from(format!("{protocol} {pseudonym}")) {
        headers.append(VIA, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_finds_itself_among_all_members() {
        for (values, found) in [
            (&["1.1 me"][..], true),
            (&["1.0 a, 1.1 ME (some comment)"], true),
            (&["1.0 a", "HTTP/1.1\tme"], true),
            (&["1.1 you"], false),
            (&["me"], false),
            (&["1.1 me2, 1.1 a.me"], false),
            (&["", ",,"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(VIA, HeaderValue::from_static(value));
            }
            assert_eq!(was_here(&headers, "me"), found, "{values:?}");
        }
    }

    #[test]
    fn what_is_added_is_found_behind_what_was_there() {
        let mut headers = HeaderMap::from_iter([(VIA, HeaderValue::from_static("1.0 first"))]);
        add(&mut headers, Version::HTTP_2, "me");
        assert_eq!(headers.get_all(VIA).iter().collect::<Vec<_>>(), ["1.0 first", "2 me"]);
        assert!(was_here(&headers, "me"));
    }
}
