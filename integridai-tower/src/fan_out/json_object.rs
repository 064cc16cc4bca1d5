//! Reading and writing the members of JSON objects without touching their values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Whether the text is one JSON value.
pub(super) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

/// The members of an object, in their order; `None` for what is no object.
pub(super) fn members(text: &[u8]) -> Option<Vec<(String, &RawValue)>> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let members = reader.deserialize_map(ReadMembers).ok()?;
    reader.end().ok()?;
    Some(members)
}

struct ReadMembers;

impl<'de> Visitor<'de> for ReadMembers {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// So many names are compared one by one, which is cheaper than to hash them.
const FEW: usize = 8;

/// The names that an object has already.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// In place: most objects have few, and to remember those then allocates nothing.
    few: [Cow<'a, str>; FEW],
    length: usize,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Members<'a> {
    /// None but this one, which is written by itself.
    pub(super) fn reserving(name: &'a str) -> Self {
        let mut few = [const { Cow::Borrowed("") }; FEW];
        few[0] = name.into();
        Self { few, length: 1, many: HashSet::new() }
    }

    /// Writes a member unless there is one of its name.
    pub(super) fn write(&mut self, text: &mut Vec<u8>, name: Cow<'a, str>, value: &[u8]) {
        if !self.knows(&name) {
            write_member(text, &name, value);
            self.learn(name);
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.few[..self.length].contains(&Cow::Borrowed(name)) || self.many.contains(name)
    }

    fn learn(&mut self, name: Cow<'a, str>) {
        if let Some(place) = self.few.get_mut(self.length) {
            *place = name;
            self.length += 1;
        } else {
            self.many.insert(name);
        }
    }
}

/// Writes a member whose value is JSON, behind what is there of its object.
pub(super) fn write_member(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    if text.last() != Some(&b'{') {
        text.push(b',');
    }
    write_text(text, name);
    text.push(b':');
    text.extend_from_slice(value);
}

pub(super) fn write_text(text: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(text, value).expect("text can be written to memory");
}
