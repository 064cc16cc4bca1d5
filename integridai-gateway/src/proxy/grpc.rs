//! What a call of gRPC says of its own time.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use integridai_tower::client::deadline::grpc_timeout;

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long the call may take in all, its answer's stream included (gRPC over HTTP/2, "Timeout"); what cannot be read says nothing.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    grpc_timeout(headers.get(TIMEOUT)?.as_bytes())
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
