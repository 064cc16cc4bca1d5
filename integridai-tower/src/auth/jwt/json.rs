//! JSON objects read to the letter: every member once, at every depth, and no deeper than tokens are.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::auth::Reason;

/// How deep objects and arrays may be nested, the outermost being the first.
const MAX_DEPTH: usize = 16;
/// Up to this many names are compared each with each, which is faster than to sort them.
const FEW_NAMES: usize = 24;

/// The members of an object, each with the text of its value.
pub(super) struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// # Errors
    /// [`Reason::DuplicateMember`] if a name is there twice, also in an object below; else [`Reason::MalformedToken`].
    pub(super) fn read(text: &'a str) -> Result<Self, Reason> {
        let Outline(members) = serde_json::from_str(text).map_err(|_| Reason::MalformedToken)?;
        if has_duplicates(members.len(), |index| &members[index].0) {
            return Err(Reason::DuplicateMember);
        }
        members.iter().try_for_each(|(_, value)| check(value))?;
        Ok(Self(members))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member.0 == name).map(|(_, value)| *value)
    }
}

/// The value, if it is a string.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(value.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The values, if it is an array of strings.
pub(super) fn texts(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let names: Vec<Name<'_>> = serde_json::from_str(value.get()).ok()?;
    Some(names.into_iter().map(|name| name.0).collect())
}

/// Looks into what the outline left out: containers, and strings with escapes.
fn check(value: &RawValue) -> Result<(), Reason> {
    let text = value.get();
    let is_plain = match text.as_bytes().first() {
        Some(b'{' | b'[') => false,
        Some(b'"') => !text.contains('\\'),
        _ => true,
    };
    if is_plain {
        return Ok(());
    }
    let duplicate = Cell::new(false);
    let inside = Inside { depth: 2, duplicate: &duplicate };
    inside
        .deserialize(&mut serde_json::Deserializer::from_str(text))
        .map_err(|_| if duplicate.get() { Reason::DuplicateMember } else { Reason::MalformedToken })
}

fn has_duplicates<'n, 'a: 'n>(count: usize, name: impl Fn(usize) -> &'n Name<'a>) -> bool {
    if count <= FEW_NAMES {
        return (1..count).any(|later| (0..later).any(|earlier| name(earlier).0 == name(later).0));
    }
    let mut names: Vec<&str> = (0..count).map(|index| &*name(index).0).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// A string, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The members of the outermost object, their values unread.
struct Outline<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Outline<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OutlineVisitor).map(Self)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Vec<(Name<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(12);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// Reads any value, keeps nothing, and fails at a duplicate or too deep.
#[derive(Clone, Copy)]
struct Inside<'c> {
    depth: usize,
    duplicate: &'c Cell<bool>,
}

impl Inside<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth > MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut names: Vec<Name<'de>> = Vec::new();
        while let Some(name) = map.next_key()? {
            names.push(name);
            map.next_value_seed(deeper)?;
        }
        self.duplicate.set(has_duplicates(names.len(), |index| &names[index]));
        if self.duplicate.get() { Err(A::Error::custom("duplicate member")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while elements.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
