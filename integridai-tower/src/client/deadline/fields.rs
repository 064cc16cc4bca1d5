//! The time left, as fields say it.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

/// How many milliseconds the sender still waits for the answer, in decimal digits.
///
/// A time that is left and no time of the day, as in `grpc-timeout`: clocks of two machines differ by more than a
/// request may take. What the way takes is not in it.
pub const REQUEST_DEADLINE: HeaderName = HeaderName::from_static("x-request-deadline");

/// What gRPC has for it: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Names to look up by: a constant is made and dropped at each use.
static PLAIN: HeaderName = REQUEST_DEADLINE;
static GRPC: HeaderName = GRPC_TIMEOUT;

const MOST_DIGITS: usize = 8;
const GREATEST: u128 = 99_999_999;

/// The shortest time that the fields of a request leave; what cannot be read counts as if it were not there.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let plain = shortest(headers, &PLAIN, milliseconds);
    let grpc = shortest(headers, &GRPC, grpc_timeout);
    plain.into_iter().chain(grpc).min()
}

fn shortest(headers: &HeaderMap, name: &HeaderName, read: fn(&[u8]) -> Option<Duration>) -> Option<Duration> {
    // Mostly there is none. To look at a few names costs a tenth of a hash.
    const FEW: usize = 16;
    let may_be_there = headers.keys_len() > FEW || headers.keys().any(|known| known == name);
    if !may_be_there {
        return None;
    }
    headers.get_all(name).iter().filter_map(|value| read(value.as_bytes())).min()
}

/// Writes the time left, rounded down; `grpc-timeout` for gRPC alone.
pub(super) fn write(headers: &mut HeaderMap, left: Duration) {
    let milliseconds = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    headers.insert(REQUEST_DEADLINE, decimal(milliseconds));
    if is_grpc(headers) {
        headers.insert(GRPC_TIMEOUT, to_grpc_timeout(left));
    }
}

/// `HeaderValue::from` would allocate twice.
fn decimal(mut number: u64) -> HeaderValue {
    // As many as a `u64` has.
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            return HeaderValue::from_bytes(&digits[first..]).expect("digits");
        }
    }
}

/// `application/grpc` and what is derived from it, such as `application/grpc+proto` and `application/grpc-web`.
fn is_grpc(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"application/grpc";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

fn milliseconds(text: &[u8]) -> Option<Duration> {
    // More digits than a u64 has are more time than anybody waits, but they are digits.
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| Duration::from_millis(digits(text).unwrap_or(u64::MAX)))
}

/// What a value of `grpc-timeout` says: up to eight digits and a unit (gRPC over HTTP/2, "Timeout"); `None` for anything else.
#[must_use]
pub fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, number) = value.split_last()?;
    if number.is_empty() || number.len() > MOST_DIGITS || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits(number)?;
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

fn digits(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// In the finest unit whose number has eight digits.
fn to_grpc_timeout(left: Duration) -> HeaderValue {
    let seconds = u128::from(left.as_secs());
    let units = [
        (left.as_nanos(), 'n'),
        (left.as_micros(), 'u'),
        (left.as_millis(), 'm'),
        (seconds, 'S'),
        (seconds / 60, 'M'),
        (seconds / 3600, 'H'),
    ];
    let fitting = units.into_iter().find(|(number, _)| *number <= GREATEST);
    let (number, unit) = fitting.unwrap_or((GREATEST, 'H'));
    HeaderValue::try_from(format!("{number}{unit}")).expect("digits and a letter")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(name: HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn each_unit_of_grpc_is_read_and_all_else_is_not() {
        for (text, nanoseconds) in [
            ("1H", Some(3_600_000_000_000)),
            ("2M", Some(120_000_000_000)),
            ("3S", Some(3_000_000_000)),
            ("4m", Some(4_000_000)),
            ("5u", Some(5_000)),
            ("6n", Some(6)),
            ("99999999n", Some(99_999_999)),
            ("0S", Some(0)),
            ("100000000n", None),
            ("1s", None),
            ("S", None),
            ("1", None),
            ("-1S", None),
            ("1.5S", None),
            (" 1S", None),
            ("", None),
        ] {
            let time = read(&with(GRPC_TIMEOUT, text.as_bytes()));
            assert_eq!(time.map(|time| time.as_nanos()), nanoseconds, "{text:?}");
        }
    }

    #[test]
    fn the_shortest_of_several_fields_holds() {
        let mut headers = with(REQUEST_DEADLINE, b"1500");
        headers.append(REQUEST_DEADLINE, HeaderValue::from_static("900"));
        headers.append(REQUEST_DEADLINE, HeaderValue::from_static("soon"));
        assert_eq!(read(&headers), Some(Duration::from_millis(900)));
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("300m"));
        assert_eq!(read(&headers), Some(Duration::from_millis(300)));
        assert_eq!(read(&HeaderMap::new()), None);
    }

    #[test]
    fn grpc_has_its_own_field_besides() {
        for (kind, expected) in [
            ("application/grpc", Some("1500000u")),
            ("Application/gRPC+proto", Some("1500000u")),
            ("application/json", None),
            ("application", None),
        ] {
            let mut headers = with(CONTENT_TYPE, kind.as_bytes());
            write(&mut headers, Duration::from_millis(1500));
            assert_eq!(headers[REQUEST_DEADLINE], "1500");
            assert_eq!(headers.get(GRPC_TIMEOUT).map(|value| value.to_str().unwrap()), expected, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_never_more(nanoseconds in 0..=u64::MAX) {
            let left = Duration::from_nanos(nanoseconds);
            let text = to_grpc_timeout(left);
            prop_assert!(text.len() <= MOST_DIGITS + 1);
            let back = grpc_timeout(text.as_bytes()).unwrap();
            prop_assert!(back <= left && back >= left.mul_f64(0.9999) - Duration::from_nanos(1));
            let mut headers = HeaderMap::new();
            write(&mut headers, left);
            let back = read(&headers).unwrap();
            prop_assert!(back <= left && left - back < Duration::from_millis(1));
        }

        #[test]
        fn nothing_that_a_client_sends_is_a_panic(text in proptest::collection::vec(0_u8.., 0..32)) {
            if let Ok(value) = HeaderValue::from_bytes(&text) {
                let mut headers = HeaderMap::new();
                headers.insert(REQUEST_DEADLINE, value.clone());
                headers.insert(GRPC_TIMEOUT, value);
                let _ = read(&headers);
            }
        }
    }

    #[test]
    fn more_time_than_anybody_waits_stays_a_time() {
        assert_eq!(milliseconds(&[b'9'; 40]), Some(Duration::from_millis(u64::MAX)));
        assert_eq!(to_grpc_timeout(Duration::MAX), "99999999H");
        assert_eq!(grpc_timeout(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    }
}
