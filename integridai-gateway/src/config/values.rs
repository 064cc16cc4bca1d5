//! Values that are checked when they are parsed, so that the error points at the key.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use integridai_tower::auth::RemoteKeys;
use integridai_tower::client::ServiceClient;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time above zero, at most a year; written as seconds, fractions allowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Seconds(Duration);

impl Seconds {
    const MAX: f64 = 366.0 * 86_400.0;

    pub(super) const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(super) const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The length of time.
    #[must_use]
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number of seconds greater than 0 and at most a year";
        let seconds = Number::deserialize(deserializer)?.0;
        if seconds > 0.0 && seconds <= Self::MAX {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(D::Error::invalid_value(Unexpected::Float(seconds), &expected))
        }
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0.as_secs()) {
            Ok(whole) if self.0.subsec_nanos() == 0 => serializer.serialize_i64(whole),
            _ => serializer.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

/// TOML keeps integers and floats apart; seconds may be either.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds")
            }

            #[allow(
                clippy::cast_precision_loss,
                reason = "what is beyond 2^53 is refused as too long anyway"
            )]
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// A length of time in whole seconds, 0 for none, at most a year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WholeSeconds(u32);

impl WholeSeconds {
    const MAX: u32 = 366 * 86_400;

    pub(super) const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The seconds.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for WholeSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let seconds = u32::try_from(number).ok().filter(|seconds| *seconds <= Self::MAX);
        let expected = "a whole number of seconds from 0 to a year";
        seconds.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Signed(number), &expected))
    }
}

/// A whole number above zero, at most 2³¹.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u32);

impl Count {
    pub(super) const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        usize::try_from(self.0).expect("a u32 fits into usize on every platform that tokio supports")
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        match u32::try_from(number) {
            Ok(count @ 1..=0x8000_0000) => Ok(Self(count)),
            _ => Err(D::Error::invalid_value(
                Unexpected::Signed(number),
                &"a whole number from 1 to 2147483648",
            )),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// The base URL of a service, as `ServiceClient` accepts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseUrl(String);

impl BaseUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        speaks(&url).map_err(D::Error::custom)?;
        // The URL itself is left out of the error: it may hold credentials.
        let checked = ServiceClient::new("service", &url, ());
        checked.map(|_| Self(url)).map_err(D::Error::custom)
    }
}

/// Whether this build can call the URL.
pub(super) fn speaks(url: &str) -> Result<(), &'static str> {
    let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    if is_https && !cfg!(feature = "tls") {
        return Err("this build speaks http:// only; https:// needs the cargo feature `tls`");
    }
    Ok(())
}

/// Where an issuer publishes its keys, as `RemoteKeys` accepts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysUrl(String);

impl KeysUrl {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for KeysUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        speaks(&url).map_err(D::Error::custom)?;
        // The URL itself is left out of the error, and what is printed of the configuration has no credentials.
        let authority = url.parse::<http::Uri>().ok().and_then(|url| url.authority().cloned());
        if authority.is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(D::Error::custom("must not hold user information"));
        }
        let unasked = tower::service_fn(|_: http::Request<_>| pending::<Result<Response, Infallible>>());
        RemoteKeys::jwks(url.as_str()).build(unasked).map(|_| Self(url)).map_err(D::Error::custom)
    }
}

type Response = http::Response<http_body_util::Full<bytes::Bytes>>;

/// A path on a service, from `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UrlPath(String);

impl UrlPath {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for UrlPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        let valid = path.starts_with('/') && path.parse::<http::uri::PathAndQuery>().is_ok();
        if valid {
            Ok(Self(path))
        } else {
            Err(D::Error::invalid_value(Unexpected::Str(&path), &"a URL path that begins with `/`"))
        }
    }
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the format itself would show what it found.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a string"))?;
        let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            Ok(Self(text))
        } else {
            Err(D::Error::custom("expected visible ASCII characters, at least one"))
        }
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
