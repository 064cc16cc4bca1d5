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
    /// [`InvalidTraceContext`] when the key or the value has not the form of §3.3, or both together have more than 512
    /// characters. Trailing spaces of a value are lost.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, InvalidTraceContext> {
        let first = format!("{key}={value}");
        let others = self.members().filter(|(other, _)| *other != key);
        let others: Vec<String> =
            others.take(MEMBERS - 1).map(|(key, value)| format!("{key}={value}")).collect();
        let members =
            std::iter::once(&first).chain(&others).map(|member| member.trim_end_matches([' ', '\t']));
        let mut members = read(members.map(str::as_bytes)).ok_or(InvalidTraceContext)?;
        if shorten(&mut members, 1) { Ok(join(members)) } else { Err(InvalidTraceContext) }
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

type Member<'a> = (&'a [u8], &'a [u8]);

fn parse<'a>(members: impl Iterator<Item = &'a [u8]>) -> Option<TraceState> {
    let mut members = read(members)?;
    shorten(&mut members, 0);
    Some(join(members))
}

/// These members, which have no white space around them, with their keys; `None` where they are not a `tracestate`.
fn read<'a>(members: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Member<'a>>> {
    let mut kept: Vec<Member<'_>> = Vec::new();
    for (index, member) in members.enumerate() {
        let (key, value) = split_once(member, b'=')?;
        if index == MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if kept.iter().all(|(other, _)| *other != key) {
            kept.push((key, member));
        }
    }
    Some(kept)
}

/// Leaves out what is above the greatest length, but not the `fixed` first; answers whether the rest fits.
fn shorten(members: &mut Vec<Member<'_>>, fixed: usize) -> bool {
    let mut length = members.iter().map(|(_, member)| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length > LENGTH && members.len() > fixed {
        let long = members.iter().skip(fixed).rposition(|(_, member)| member.len() > LONG_MEMBER);
        let (_, member) = members.remove(long.map_or(members.len() - 1, |at| fixed + at));
        length -= (member.len() + 1).min(length);
    }
    length <= LENGTH
}

fn join(members: Vec<Member<'_>>) -> TraceState {
    let members: Vec<&str> = members.into_iter().map(|(_, member)| ascii(member)).collect();
    TraceState((!members.is_empty()).then(|| members.join(",").into()))
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
