//! The fields that tell a client of its limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Quota, Quotas, Standing};
use crate::ConfigError;

/// draft-ietf-httpapi-ratelimit-headers §3: what is left of the quota that is nearest to its end.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// draft-ietf-httpapi-ratelimit-headers §4: the quotas.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const LEGACY_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const LEGACY_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const LEGACY_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

const MAX_NAME: usize = 64;

/// Of a number of 64 bits.
const DIGITS: usize = 20;

/// Which fields a response gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fields {
    /// `RateLimit` and `RateLimit-Policy`.
    #[default]
    Standard,
    /// Those, and `X-RateLimit-Limit`, `-Remaining` and `-Reset` (in seconds from now) for clients that know no others.
    StandardAndLegacy,
    /// None, except for `Retry-After` of a refusal.
    None,
}

/// What of the fields stays the same from answer to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyFields {
    policy: HeaderValue,
    /// Each quota's name as a structured field's string (RFC 9651 §3.3.3).
    names: Vec<String>,
}

impl PolicyFields {
    pub(super) fn new(quotas: &[Quota]) -> Result<Self, ConfigError> {
        let names = quotas.iter().map(|quota| quoted(quota.name())).collect::<Result<Vec<_>, _>>()?;
        let items = quotas.iter().zip(&names).map(|(quota, name)| item(quota, name));
        let policy = HeaderValue::try_from(items.collect::<Vec<_>>().join(", "));
        let policy = policy.map_err(|_| ConfigError::new("name", "expected visible ASCII"))?;
        Ok(Self { policy, names })
    }
}

/// What the fields tell of a standing. It travels with the call, so it is of plain words: what is written in pieces and moved
/// as a whole has to wait for itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Until all of it has come back, rounded up.
    seconds: u64,
    remaining: u32,
    /// Of the quota among those of the limiter.
    place: u32,
}

/// Beyond all quotas.
const NOWHERE: u32 = u32::MAX;

impl Default for Told {
    /// Nothing.
    #[inline]
    fn default() -> Self {
        Self { seconds: 0, remaining: 0, place: NOWHERE }
    }
}

impl Told {
    #[inline]
    pub(super) fn of(standing: Option<Standing>) -> Self {
        standing.map_or(Self::default(), |standing| Self {
            seconds: seconds(standing.reset_after),
            remaining: standing.remaining,
            place: standing.quota.into(),
        })
    }

    #[inline]
    pub(super) fn is_nothing(&self) -> bool {
        self.place == NOWHERE
    }
}

impl Fields {
    /// Adds the fields for this standing to those of limits further in: both are lists. The legacy ones hold one value, the
    /// strictest.
    pub(super) fn put(self, headers: &mut HeaderMap, quotas: &Quotas, told: &Told) {
        let Told { place, remaining, seconds } = *told;
        let place = place as usize;
        let (Some(name), Some(quota)) = (quotas.fields().names.get(place), quotas.as_slice().get(place))
        else {
            return;
        };
        if self == Self::None {
            return;
        }
        headers.append(RATE_LIMIT_POLICY, quotas.fields().policy.clone());
        if let Some(value) = standing_item(name, remaining, seconds) {
            headers.append(RATE_LIMIT, value);
        }
        if self == Self::StandardAndLegacy && !has_stricter(headers, remaining) {
            headers.insert(LEGACY_LIMIT, quota.capacity().into());
            headers.insert(LEGACY_REMAINING, remaining.into());
            headers.insert(LEGACY_RESET, seconds.into());
        }
    }
}

fn has_stricter(headers: &HeaderMap, remaining: u32) -> bool {
    let earlier = headers.get(LEGACY_REMAINING).and_then(|value| value.to_str().ok());
    earlier.and_then(|text| text.parse::<u32>().ok()).is_some_and(|earlier| earlier < remaining)
}

/// Whole seconds, rounded up: a client that comes back a moment too early would be refused again. At least one.
pub(super) fn put_retry_after(headers: &mut HeaderMap, retry_after: Duration) {
    headers.insert(RETRY_AFTER, seconds(retry_after).max(1).into());
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// One allocation, of just the length, and none of the formatting machinery: it is made for each answer.
fn standing_item(name: &str, remaining: u32, seconds: u64) -> Option<HeaderValue> {
    let (mut remaining_digits, mut seconds_digits) = ([0; DIGITS], [0; DIGITS]);
    let remaining = decimal(remaining.into(), &mut remaining_digits);
    let seconds = decimal(seconds, &mut seconds_digits);
    let parts = [name.as_bytes(), b";r=", remaining, b";t=", seconds];
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| text.extend_from_slice(part));
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}

/// Two digits at a time.
fn decimal(mut number: u64, digits: &mut [u8; DIGITS]) -> &[u8] {
    let mut begin = DIGITS;
    while number >= 10 {
        begin -= 2;
        let pair = usize::try_from(number % 100).unwrap_or(0);
        digits[begin..begin + 2].copy_from_slice(&PAIRS[pair]);
        number /= 100;
    }
    if number > 0 || begin == DIGITS {
        begin -= 1;
        digits[begin] = b'0' + u8::try_from(number).unwrap_or(0);
    }
    &digits[begin..]
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[b'0'; 2]; 100];
    let mut tens = 0;
    while tens < 10 {
        let mut ones = 0;
        while ones < 10 {
            pairs[tens * 10 + ones] = [DECIMAL[tens], DECIMAL[ones]];
            ones += 1;
        }
        tens += 1;
    }
    pairs
}

const DECIMAL: [u8; 10] = *b"0123456789";

/// `w` counts whole seconds and is left out where the period has none (the draft's §4.1.3 allows that).
fn item(quota: &Quota, name: &str) -> String {
    let period = quota.period();
    let window = if period.subsec_nanos() == 0 { format!(";w={}", period.as_secs()) } else { String::new() };
    format!("{name};q={}{window}", quota.limit())
}

fn quoted(name: &str) -> Result<String, ConfigError> {
    let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if name.is_empty() || name.len() > MAX_NAME || !is_plain {
        let reason = format!("expected 1 to {MAX_NAME} characters of visible ASCII");
        return Err(ConfigError::new("name", reason));
    }
    Ok(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: Fields, quotas: &Quotas, standing: Standing) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        fields.put(&mut headers, quotas, &Told::of(Some(standing)));
        let pairs =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        pairs.collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_policy_lists_all_quotas_and_the_standing_names_one() {
        let quotas = Quotas::new([Quota::per_second(5), Quota::per_day(1000).named("a \"day\"")]).unwrap();
        let standing = Standing { quota: 1, remaining: 7, reset_after: Duration::from_millis(1500) };
        assert_eq!(
            fields(Fields::Standard, &quotas, standing),
            [
                pair("ratelimit-policy", r#""second";q=5;w=1, "a \"day\"";q=1000;w=86400"#),
                pair("ratelimit", r#""a \"day\"";r=7;t=2"#)
            ]
        );
        assert_eq!(fields(Fields::None, &quotas, standing), []);
        assert_eq!(
            fields(Fields::StandardAndLegacy, &quotas, standing)[2..],
            [
                pair("x-ratelimit-limit", "1000"),
                pair("x-ratelimit-remaining", "7"),
                pair("x-ratelimit-reset", "2")
            ]
        );
    }

    #[test]
    fn the_greatest_numbers_and_names_are_told_in_full() {
        let name = quoted(&"\"".repeat(MAX_NAME)).unwrap();
        let item = standing_item(&name, u32::MAX, u64::MAX).unwrap();
        assert_eq!(item, format!("{name};r={};t={}", u32::MAX, u64::MAX));
        assert_eq!(standing_item("\"a\"", 0, 10).unwrap(), "\"a\";r=0;t=10");
    }

    #[test]
    fn numbers_are_told_as_they_are_written() {
        for number in (0..1200).chain((1..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power)])) {
            assert_eq!(decimal(number, &mut [0; DIGITS]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_client_is_never_told_to_come_back_at_once() {
        for (wait, told) in [(0, "1"), (1, "1"), (1_000_000, "1"), (1_000_001, "2")] {
            let mut headers = HeaderMap::new();
            put_retry_after(&mut headers, Duration::from_micros(wait));
            assert_eq!(headers[RETRY_AFTER], told, "{wait} µs");
        }
    }

    #[test]
    fn a_name_that_is_no_structured_string_is_refused() {
        for name in ["", "día", "a\nb", &"x".repeat(65)] {
            assert!(Quotas::new([Quota::per_day(1).named(name.to_owned())]).is_err(), "{name:?}");
        }
    }
}
