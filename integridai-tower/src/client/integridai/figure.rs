//! Numbers and texts in whatever JSON type a service writes them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::RawJson;
use crate::client::Malformed;

/// Reads the facts of an answer. Every answer is an object; serde would take an array for one too, by position.
pub(super) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Malformed> {
    let Child(facts) = serde_json::from_slice(body).map_err(Malformed::new)?;
    facts.map(|facts| *facts).ok_or_else(|| Malformed::new("no object"))
}

/// Reads the facts of an answer and keeps its text, in one go: to check the text is to read it.
pub(super) fn keep<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<(T, RawJson), Malformed> {
    let text = std::str::from_utf8(body).map_err(Malformed::new)?;
    let (raw, Child(facts)) = RawJson::read(text).map_err(Malformed::new)?;
    facts.map(|facts| (*facts, raw)).ok_or_else(|| Malformed::new("no object"))
}

/// A finite number, written as a number or as text; anything else counts as absent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figure(pub(super) Option<f64>);

/// A text, written as a string or as a number; anything else counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<String>);

/// A truth value; anything else counts as absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Truth(pub(super) Option<bool>);

impl From<f64> for Figure {
    fn from(value: f64) -> Self {
        Self(Some(value).filter(|value| value.is_finite()))
    }
}

enum Scalar {
    Whole(i128),
    Number(f64),
    Text(String),
    Truth(bool),
    Other,
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(ScalarVisitor)? {
            #[allow(clippy::cast_precision_loss, reason = "figures of a dashboard, far below 2^53")]
            Scalar::Whole(number) => Self::from(number as f64),
            Scalar::Number(number) => Self::from(number),
            Scalar::Text(text) => text.trim().parse::<f64>().map_or(Self(None), Self::from),
            Scalar::Truth(_) | Scalar::Other => Self(None),
        })
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match deserializer.deserialize_any(ScalarVisitor)? {
            Scalar::Whole(number) => Some(number.to_string()),
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Text(text) => Some(text),
            Scalar::Truth(_) | Scalar::Other => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(ScalarVisitor)? {
            Scalar::Truth(truth) => Self(Some(truth)),
            _ => Self(None),
        })
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Truth(value))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Scalar, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// Facts that may stand at several depths of an answer: its own, or inside well-known members.
pub(super) trait Nested: Sized {
    /// The members that may hold the same facts, nearest first.
    fn children(&self) -> impl Iterator<Item = &Self>;

    /// The first fact found, the outer ones first.
    fn find<T>(&self, pick: &impl Fn(&Self) -> Option<T>) -> Option<T> {
        pick(self).or_else(|| self.children().find_map(|child| child.find(pick)))
    }
}

/// A member that may hold nested facts; what is no object counts as absent.
#[derive(Debug)]
pub(super) struct Child<T>(pub(super) Option<Box<T>>);

impl<T> Default for Child<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Child<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChildVisitor(std::marker::PhantomData))
    }
}

struct ChildVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ChildVisitor<T> {
    type Value = Child<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(entries))
            .map(|facts| Child(Some(facts.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Child(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Child(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Child(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Child(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Child(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Child(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Child(None))
    }
}
