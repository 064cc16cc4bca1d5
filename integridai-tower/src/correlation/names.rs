//! Under which names an id comes in, and under which it goes out.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::CorrelationId;

/// A name and its aliases, in the order in which they are read.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) first: HeaderName,
    pub(super) aliases: Vec<HeaderName>,
}

/// The id of a request, and how it is written in a field.
pub(super) struct Chosen {
    pub(super) id: CorrelationId,
    pub(super) value: HeaderValue,
}

impl Chosen {
    pub(super) fn made(id: CorrelationId) -> Self {
        let value = id.to_header_value();
        Self { id, value }
    }

    /// Of a value that was [found](Names::find).
    pub(super) fn given(value: &HeaderValue) -> Self {
        Self { id: CorrelationId::of_valid(value.as_bytes()), value: value.clone() }
    }
}

impl Names {
    pub(super) fn of(first: HeaderName) -> Self {
        Self { first, aliases: Vec::new() }
    }

    /// The first id that is given once under its name and is valid, with at most `longest` characters.
    #[inline]
    pub(super) fn find<'a>(&self, headers: &'a HeaderMap, longest: usize) -> Option<&'a HeaderValue> {
        let first = only(headers, &self.first, longest);
        first.or_else(|| self.aliases.iter().find_map(|alias| only(headers, alias, longest)))
    }

    /// Sees to it that whoever reads the request finds this id, and no other, under each of the names that are there.
    pub(super) fn settle(&self, headers: &mut HeaderMap, value: &HeaderValue) {
        headers.insert(&self.first, value.clone());
        for name in &self.aliases {
            if headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }
}

#[inline]
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName, longest: usize) -> Option<&'a HeaderValue> {
    let value = headers.get(name).filter(|value| value.len() <= longest)?;
    // Where no field is repeated at all, which is cheaply known, this one is not either.
    if headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some() {
        return None;
    }
    if CorrelationId::is_valid(value.as_bytes()) { Some(value) } else { None }
}
