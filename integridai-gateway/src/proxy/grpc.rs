//! What a call of gRPC says of its own time.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long the call may take in all, its answer's stream included (gRPC over HTTP/2, "Timeout"); what cannot be read says nothing.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let (unit, digits) = headers.get(TIMEOUT)?.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn each_unit_is_read_and_all_else_is_none() {
        for (text, milliseconds) in [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("3S", Some(3_000)),
            ("40m", Some(40)),
            ("5000u", Some(5)),
            ("99999999n", Some(99)),
            ("100000000m", None),
            ("m", None),
            ("1s", None),
            ("-1S", None),
        ] {
            let headers = HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static(text))]);
            assert_eq!(timeout(&headers).map(|time| time.as_millis()), milliseconds, "{text}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }
}
