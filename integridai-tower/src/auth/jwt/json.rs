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
/// How many bytes of a string are looked at one by one.
const NEAR: usize = 8;

/// The members of an object.
pub(super) struct Members<'a>(Vec<Member<'a>>);

struct Member<'a> {
    name: Cow<'a, str>,
    element: Element<'a>,
}

/// The value of a member, as far as it is read.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    /// What stands between the quotes of a string without escapes; of anything else its JSON.
    text: &'a str,
    is_text: bool,
}

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
        self.0.iter().find(|member| are_same(&member.name, name)).map(|member| member.element)
    }
}

impl<'a> Element<'a> {
    /// The string, if it is one.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if self.is_text { Some(Cow::Borrowed(self.text)) } else { self.unescaped().map(Cow::Owned) }
    }

    fn unescaped(self) -> Option<String> {
        let json = self.json().filter(|json| json.starts_with('"'))?;
        serde_json::from_str(json).ok()
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
            None => Ok(self.text.into()),
        }
    }

    /// Its JSON, unless it is a string without escapes.
    pub(super) fn json(self) -> Option<&'a str> {
        (!self.is_text).then_some(self.text)
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
            let name = self.string()?.text()?;
            self.expect(b':')?;
            let element = self.value(depth)?;
            members.push(Member { name, element });
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
        Some(Element { text: &self.text[start..self.at], is_text: false })
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
        let text = &json[1..json.len() - 1];
        let is_text = !self.has_controls || text.bytes().all(|byte| byte >= b' ');
        if is_text { Some(Element { text, is_text }) } else { None }
    }

    /// Goes behind the next quote or backslash.
    fn next_of_string(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        // Names are short, and a call costs more than a few bytes.
        let (near, far) = rest.split_at(rest.len().min(NEAR));
        let is_found = |byte: &u8| matches!(byte, b'"' | b'\\');
        let length =
            near.iter().position(is_found).or_else(|| Some(near.len() + memchr2(b'"', b'\\', far)?))?;
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
    if is_string { Some(Element { text: json, is_text: false }) } else { None }
}

fn has_duplicates(members: &[Member<'_>]) -> bool {
    let name = |index: usize| &*members[index].name;
    if members.len() <= FEW_NAMES {
        return (1..members.len())
            .any(|later| (0..later).any(|earlier| are_same(name(earlier), name(later))));
    }
    let mut names: Vec<&str> = (0..members.len()).map(name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Most names differ in their length or at an end, which is seen without a call.
fn are_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    one.len() == other.len() && one.first() == other.first() && one.last() == other.last() && one == other
}

#[cfg(test)]
mod tests;
