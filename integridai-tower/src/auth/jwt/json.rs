//! JSON objects read to the letter: every member once, at every depth, and no deeper than tokens are.
//!
//! `serde_json` does not see duplicates in what it skips. What is behind a backslash, and values that are kept, are left to
//! it; a property test holds both to the same language.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::Value;

use crate::auth::Reason;

/// How deep objects and arrays may be nested, the outermost being the first.
const MAX_DEPTH: usize = 16;
/// Up to this many names are compared each with each, which is faster than to sort them.
const FEW_NAMES: usize = 24;
/// How many bytes of a string are looked at before a search is called.
const NEAR: usize = 24;

/// The members of an object.
pub(super) struct Members<'a>(Vec<Member<'a>>);

struct Member<'a> {
    name: Cow<'a, str>,
    mark: Mark,
    element: Element<'a>,
}

/// The length of a name and its first bytes: all of a short one, such as those of registered claims are.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark(u64);

/// The value of a member, as far as it is read: its JSON, but that a string without escapes lacks the quote at its end, by
/// which it is known. It has no field to say so, since what is larger than two words is handed on in memory.
#[derive(Clone, Copy)]
pub(super) struct Element<'a>(&'a str);

impl<'a> Members<'a> {
    /// # Errors
    /// [`Reason::DuplicateMember`] if a name is there twice, also in an object below; else [`Reason::MalformedToken`].
    pub(super) fn read(json: &'a str) -> Result<Self, Reason> {
        let mut scanner = Scanner::new(json);
        scanner.skip_whitespace();
        let members = scanner.object(1).ok_or(scanner.fault)?;
        scanner.skip_whitespace();
        if scanner.at == json.len() { Ok(Self(members)) } else { Err(Reason::MalformedToken) }
    }

    pub(super) fn get(&self, name: &str) -> Option<Element<'a>> {
        self.find(name, Mark::of(name))
    }

    fn find(&self, name: &str, mark: Mark) -> Option<Element<'a>> {
        self.0.iter().find(|member| member.is_named(name, mark)).map(|member| member.element)
    }
}

impl Member<'_> {
    fn is_named(&self, name: &str, mark: Mark) -> bool {
        self.mark == mark && (name.len() <= Mark::BYTES || *self.name == *name)
    }
}

impl Mark {
    const BYTES: usize = 7;

    fn of(name: &str) -> Self {
        Self::at(name.as_bytes(), name.len())
    }

    /// Of the name that `text` begins with.
    fn at(text: &[u8], length: usize) -> Self {
        let kept = !(u64::MAX << (8 * length.min(Self::BYTES)));
        Self(first_bytes(text) & kept | (length as u64) << 56)
    }
}

/// Without a loop or a call, so that of a name in our own text nothing is left to do at run time.
fn first_bytes(text: &[u8]) -> u64 {
    if let Some(word) = text.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let last = 8 * text.len();
    if let (Some(start), Some(end)) = (text.first_chunk(), text.last_chunk()) {
        return u64::from(u32::from_le_bytes(*start)) | u64::from(u32::from_le_bytes(*end)) << (last - 32);
    }
    if let (Some(start), Some(end)) = (text.first_chunk(), text.last_chunk()) {
        return u64::from(u16::from_le_bytes(*start)) | u64::from(u16::from_le_bytes(*end)) << (last - 16);
    }
    text.first().copied().map_or(0, u64::from)
}

impl<'a> Element<'a> {
    /// The string, if it is one.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self.plain() {
            Some(text) => Some(Cow::Borrowed(text)),
            None => self.unescaped().map(Cow::Owned),
        }
    }

    /// The string, if it is one without escapes.
    fn plain(self) -> Option<&'a str> {
        self.0.strip_prefix('"').filter(|text| !text.ends_with('"'))
    }

    fn unescaped(self) -> Option<String> {
        if self.0.starts_with('"') { serde_json::from_str(self.0).ok() } else { None }
    }

    /// The strings, if it is an array of them.
    pub(super) fn texts<T: From<Cow<'a, str>>>(self) -> Option<Vec<T>> {
        let mut texts = Vec::new();
        let mut is_of_texts = true;
        Scanner::new(self.json()?).array(1, |element| match element.text() {
            Some(text) => texts.push(text.into()),
            None => is_of_texts = false,
        })?;
        is_of_texts.then_some(texts)
    }

    /// The members, if it is an object.
    pub(super) fn members(self) -> Option<Members<'a>> {
        self.json().and_then(|json| Members::read(json).ok())
    }

    /// # Errors
    /// If it holds a number that is none here: `1e999`.
    pub(super) fn value(self) -> Result<Value, Reason> {
        match self.json() {
            Some(json) => serde_json::from_str(json).map_err(|_| Reason::MalformedClaim),
            None => Ok(self.plain().into()),
        }
    }

    /// Its JSON, unless it is a string without escapes.
    pub(super) fn json(self) -> Option<&'a str> {
        if self.plain().is_none() { Some(self.0) } else { None }
    }
}

/// Reads RFC 8259 from a place on. What fails is `None`, its reason is kept aside: a result that holds either an element or
/// a byte is moved in pieces, which costs a tenth of the whole verification.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Strings may not hold them; most texts have none, and then no string has to be looked through.
    has_controls: bool,
    fault: Reason,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            has_controls: text.bytes().fold(u8::MAX, u8::min) < b' ',
            fault: Reason::MalformedToken,
        }
    }

    fn object(&mut self, depth: usize) -> Option<Vec<Member<'a>>> {
        let mut members = Vec::with_capacity(12);
        self.expect(b'{')?;
        if self.takes(b'}') {
            return Some(members);
        }
        loop {
            self.skip_whitespace();
            let (name, mark) = self.name()?;
            self.expect(b':')?;
            let element = self.value(depth)?;
            members.push(Member { name, mark, element });
            if self.takes(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if has_duplicates(&members) {
            self.fault = Reason::DuplicateMember;
            return None;
        }
        Some(members)
    }

    fn name(&mut self) -> Option<(Cow<'a, str>, Mark)> {
        let start = self.at + 1;
        let name = self.string()?;
        if let Some(text) = name.plain() {
            return Some((Cow::Borrowed(text), Mark::at(&self.text.as_bytes()[start..], text.len())));
        }
        let name = name.unescaped()?;
        let mark = Mark::of(&name);
        Some((Cow::Owned(name), mark))
    }

    fn array(&mut self, depth: usize, mut each: impl FnMut(Element<'a>)) -> Option<()> {
        self.expect(b'[')?;
        if self.takes(b']') {
            return Some(());
        }
        loop {
            each(self.value(depth)?);
            if self.takes(b']') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Element<'a>> {
        self.skip_whitespace();
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') if depth == MAX_DEPTH => return None,
            Some(b'{') => drop(self.object(depth + 1)?),
            Some(b'[') => self.array(depth + 1, |_| {})?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => self.number()?,
        }
        Some(Element(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Option<Element<'a>> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        let mut has_escapes = false;
        while self.next_of_string()? == b'\\' {
            has_escapes = true;
            // What is escaped is one byte at least, and none of the bytes after it can end the string.
            self.at += 1;
        }
        let json = &self.text[start..self.at];
        if has_escapes {
            return checked(json);
        }
        let element = &json[..json.len() - 1];
        let is_text = !self.has_controls || element.bytes().all(|byte| byte >= b' ');
        if is_text { Some(Element(element)) } else { None }
    }

    /// Goes behind the next quote or backslash.
    fn next_of_string(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = run(rest)?;
        self.at += length + 1;
        Some(rest[length])
    }

    fn number(&mut self) -> Option<()> {
        self.takes_exactly(b'-');
        if !self.takes_exactly(b'0') {
            self.digits()?;
        }
        if self.takes_exactly(b'.') {
            self.digits()?;
        }
        if self.takes_exactly(b'e') || self.takes_exactly(b'E') {
            let _ = self.takes_exactly(b'+') || self.takes_exactly(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { None } else { Some(()) }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.takes(byte) { Some(()) } else { None }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        self.takes_exactly(byte)
    }

    fn takes_exactly(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn checked(json: &str) -> Option<Element<'_>> {
    let is_string = serde_json::from_str::<Cow<'_, str>>(json).is_ok();
    if is_string { Some(Element(json)) } else { None }
}

fn has_duplicates(members: &[Member<'_>]) -> bool {
    if members.len() <= FEW_NAMES {
        return (1..members.len()).any(|later| {
            let Member { name, mark, .. } = &members[later];
            members[..later].iter().any(|earlier| earlier.is_named(name, *mark))
        });
    }
    let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// How many bytes stand before the next quote or backslash. Names are short, and a call costs more than a few bytes.
fn run(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < NEAR {
        let Some(word) = text[at..].first_chunk() else { break };
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ each(b'"')) | zeros(word ^ each(b'\\'));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += size_of_val(&word);
    }
    Some(at + memchr2(b'"', b'\\', &text[at..])?)
}

/// The topmost bit of each byte that is zero; above the lowest of them also of others.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(1)) & !word & each(0x80)
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests;
