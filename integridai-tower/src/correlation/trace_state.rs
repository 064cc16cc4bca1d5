//! The field `tracestate`: what each tracing system needs to find its own place again (Trace Context §3.3).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;

use super::list::{ascii, members, split, split_once};
use super::{InvalidTraceContext, TRACESTATE};

/// The members of `tracestate`, the most recent first. A clone shares its text.
///
/// At most 32 members and 512 characters: of a longer list whole members are left out, first those of more than 128
/// characters, then those at the end, until the rest fits (Trace Context §3.3). Of members with the same key the first,
/// which is the most recent, is kept.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct TraceState(Option<Arc<str>>);

const MEMBERS: usize = 32;
const LENGTH: usize = 512;
const LONG_MEMBER: usize = 128;
const PART: usize = 256;

impl TraceState {
    /// The state in the `tracestate` fields of a request, taken together in their order; empty where any part of it is
    /// invalid, since who can say then what the rest means.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        parse(members(headers, &TRACESTATE)).unwrap_or_default()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The state as text: members with commas between them and no further white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The members, the most recent first: key and value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.as_str().split(',').filter_map(|member| member.split_once('='))
    }

    /// The value that a tracing system left under its key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.members().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// The state with this member in the first place, where it belongs after a change (Trace Context §3.5).
    ///
    /// # Errors
    ///
    /// [`InvalidTraceContext`] when the key or the value has not the form of §3.3. Trailing spaces of a value are lost.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, InvalidTraceContext> {
        let first = format!("{key}={value}");
        let others = self.members().filter(|(other, _)| *other != key);
        let others: Vec<String> =
            others.take(MEMBERS - 1).map(|(key, value)| format!("{key}={value}")).collect();
        let members =
            std::iter::once(&first).chain(&others).map(|member| member.trim_end_matches([' ', '\t']));
        parse(members.map(str::as_bytes)).ok_or(InvalidTraceContext)
    }
}

impl FromStr for TraceState {
    type Err = InvalidTraceContext;

    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        parse(split(text.as_bytes())).ok_or(InvalidTraceContext)
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceState").field(&self.as_str()).finish()
    }
}

/// The state of these members, which have no white space around them; `None` where they are not a `tracestate`.
fn parse<'a>(members: impl Iterator<Item = &'a [u8]>) -> Option<TraceState> {
    let mut kept: Vec<(&[u8], &[u8])> = Vec::new();
    for (index, member) in members.enumerate() {
        let (key, value) = split_once(member, b'=')?;
        if index == MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if kept.iter().all(|(other, _)| *other != key) {
            kept.push((key, member));
        }
    }
    shorten(&mut kept);
    let members: Vec<&str> = kept.into_iter().map(|(_, member)| ascii(member)).collect();
    Some(TraceState((!members.is_empty()).then(|| members.join(",").into())))
}

/// Leaves out what is above the greatest length.
fn shorten(members: &mut Vec<(&[u8], &[u8])>) {
    let mut length = members.iter().map(|(_, member)| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length > LENGTH {
        let long = members.iter().rposition(|(_, member)| member.len() > LONG_MEMBER);
        let (_, member) = members.remove(long.unwrap_or(members.len() - 1));
        length -= (member.len() + 1).min(length);
    }
}

/// Level 2: `tenant@system` is a way to use keys, no longer a grammar of its own.
fn is_key(key: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_further = |byte: &u8| is_first(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= PART && key.first().is_some_and(is_first) && key.iter().all(is_further)
}

fn is_value(value: &[u8]) -> bool {
    let is_character = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=PART).contains(&value.len()) && value.last() != Some(&b' ') && value.iter().all(is_character)
}
