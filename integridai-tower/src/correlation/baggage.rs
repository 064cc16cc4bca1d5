//! What travels along with a request (W3C Baggage).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::list::{ascii, members, split, split_once, trim};
use super::{InvalidBaggage, percent};

/// The field of [`Baggage`].
pub const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What travels along with a request: keys and values that an application chose (W3C Baggage). A clone shares its text.
///
/// At most 64 members and 8192 bytes, what the specification demands that everybody passes on; a member beyond that, or
/// one that is not in its form, is left out as a whole. Keys may occur more than once; the order is kept.
///
/// It may hold what is not meant for everybody: its debug print shows keys alone, and
/// [`PropagateLayer`](super::PropagateLayer) sends it on only when it is told to.
///
/// ```
/// use integridai_tower::correlation::Baggage;
///
/// let baggage: Baggage = "tenant=acme, plan = pro%20max;expires=soon".parse()?;
/// assert_eq!(baggage.value("plan").as_deref(), Some("pro max"));
/// assert_eq!(baggage.with("tenant", "acme & co")?.as_str(), "plan=pro%20max;expires=soon,tenant=acme%20&%20co");
/// # Ok::<(), integridai_tower::correlation::InvalidBaggage>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Baggage(Option<Arc<str>>);

/// A key, its value and what is said about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BaggageMember<'a> {
    key: &'a str,
    value: &'a str,
    properties: &'a str,
}

const MEMBERS: usize = 64;
const LENGTH: usize = 8192;

impl Baggage {
    /// The baggage in the fields of a request, taken together in their order.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        pack(members(headers, &BAGGAGE).filter_map(normalise))
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The baggage as text: members with commas between them and no further white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The members in their order.
    pub fn members(&self) -> impl Iterator<Item = BaggageMember<'_>> {
        self.as_str().split(',').filter_map(BaggageMember::of)
    }

    /// The decoded value of the first member with this key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        self.members().find(|member| member.key == key).map(|member| member.value())
    }

    /// The baggage with this member at the end, instead of all that have its key.
    ///
    /// # Errors
    ///
    /// [`InvalidBaggage`] when the key is not a token or there is no room.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, InvalidBaggage> {
        let last = format!("{key}={}", percent::encode(value));
        let last = normalise(last.as_bytes()).ok_or(InvalidBaggage)?;
        let kept = self.without(key);
        let packed =
            pack(kept.as_str().split(',').map(ToOwned::to_owned).chain([last]).filter(|m| !m.is_empty()));
        let is_whole = packed.members().count() == kept.members().count() + 1;
        is_whole.then_some(packed).ok_or(InvalidBaggage)
    }

    /// The baggage without the members of this key.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let others =
            self.as_str().split(',').filter(|member| BaggageMember::of(member).is_some_and(|m| m.key != key));
        pack(others.map(ToOwned::to_owned))
    }

    /// Puts the field into a request, or removes it where there is nothing to carry.
    pub fn inject(&self, headers: &mut HeaderMap) {
        let Some(text) = &self.0 else {
            headers.remove(BAGGAGE);
            return;
        };
        let mut value = HeaderValue::from_str(text).expect("only visible ASCII is kept");
        value.set_sensitive(true);
        headers.insert(BAGGAGE, value);
    }
}

impl<'a> BaggageMember<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (member, properties) = text.split_once(';').unwrap_or((text, ""));
        member.split_once('=').map(|(key, value)| Self { key, value, properties })
    }

    /// The key; case counts.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The value, decoded. A `%` that begins no escape stands for itself, bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        percent::decode(self.value)
    }

    /// What is said about it: keys, some with a decoded value. Their meaning is left to applications.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> {
        self.properties.split(';').filter(|property| !property.is_empty()).map(|property| {
            match property.split_once('=') {
                Some((key, value)) => (key, Some(percent::decode(value))),
                None => (property, None),
            }
        })
    }
}

impl FromStr for Baggage {
    type Err = InvalidBaggage;

    /// Strict, unlike [`from_headers`](Self::from_headers): nothing is left out.
    fn from_str(text: &str) -> Result<Self, InvalidBaggage> {
        let members: Option<Vec<String>> = split(text.as_bytes()).map(normalise).collect();
        let members = members.ok_or(InvalidBaggage)?;
        let (count, baggage) = (members.len(), pack(members.into_iter()));
        (baggage.members().count() == count).then_some(baggage).ok_or(InvalidBaggage)
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Baggage")?;
        f.debug_list().entries(self.members().map(|member| member.key)).finish()
    }
}

impl fmt::Debug for BaggageMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaggageMember").field("key", &self.key).finish_non_exhaustive()
    }
}

/// As many of these members as there is room for.
fn pack(members: impl Iterator<Item = String>) -> Baggage {
    let (mut text, mut count) = (String::new(), 0);
    for member in members {
        let comma = usize::from(count > 0);
        if count == MEMBERS || text.len() + comma + member.len() > LENGTH {
            continue;
        }
        if count > 0 {
            text.push(',');
        }
        text.push_str(&member);
        count += 1;
    }
    Baggage((count > 0).then(|| text.into()))
}

/// The member without white space around its parts; `None` where it is not in the form of W3C Baggage, §3.
fn normalise(member: &[u8]) -> Option<String> {
    let mut parts = member.split(|byte| *byte == b';').map(trim);
    let mut text = pair(parts.next()?)?;
    for property in parts {
        text.push(';');
        text.push_str(&pair(property).or_else(|| is_token(property).then(|| ascii(property).to_owned()))?);
    }
    Some(text)
}

fn pair(text: &[u8]) -> Option<String> {
    let (key, value) = split_once(text, b'=')?;
    let (key, value) = (trim(key), trim(value));
    let is_valid = is_token(key) && value.iter().all(|byte| percent::is_plain(*byte));
    is_valid.then(|| format!("{}={}", ascii(key), ascii(value)))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_character = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_character)
}
