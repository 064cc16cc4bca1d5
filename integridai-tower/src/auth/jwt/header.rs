//! The header of a token (RFC 7515 §4).

use std::borrow::Cow;

use super::algorithm::Algorithm;
use super::json::{Element, Members};
use crate::auth::Reason;

/// Members that bring a key along, or say where to fetch one. Whoever forged a token chose them.
const KEY_MEMBERS: [&str; 4] = ["jwk", "jku", "x5u", "x5c"];

/// What a header says, as far as it is heard: it is not trusted.
#[derive(Clone)]
pub(super) struct Header<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<Cow<'a, str>>,
    pub(super) token_type: Option<Cow<'a, str>>,
    pub(super) brings_key: bool,
}

impl<'a> Header<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, Reason> {
        let members = Members::read(json)?;
        let algorithm = string(members.get("alg"))?.ok_or(Reason::MalformedToken)?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(Reason::Unsecured);
        }
        // No extension is understood, so `crit` cannot hold one that is (§4.1.11); `b64` changes what is signed (RFC 7797).
        if members.get("crit").or(members.get("b64")).is_some() {
            return Err(Reason::CriticalExtension);
        }
        let content_type = string(members.get("cty"))?;
        if content_type.is_some_and(|name| is_type(&name, "JWT")) || members.get("enc").is_some() {
            return Err(Reason::Nested);
        }
        Ok(Self {
            algorithm: Algorithm::from_name(&algorithm).ok_or(Reason::WrongAlgorithm)?,
            key_id: string(members.get("kid"))?,
            token_type: string(members.get("typ"))?,
            brings_key: KEY_MEMBERS.iter().any(|name| members.get(name).is_some()),
        })
    }
}

impl Header<'_> {
    pub(super) fn into_owned(self) -> Header<'static> {
        Header {
            algorithm: self.algorithm,
            key_id: self.key_id.map(|id| Cow::Owned(id.into_owned())),
            token_type: self.token_type.map(|name| Cow::Owned(name.into_owned())),
            brings_key: self.brings_key,
        }
    }
}

/// Whether two media types are the same: case does not count, and `application/` may be left out (§4.1.9).
pub(super) fn is_type(found: &str, wanted: &str) -> bool {
    without_prefix(found).eq_ignore_ascii_case(without_prefix(wanted))
}

fn without_prefix(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => &media_type[PREFIX.len()..],
        _ => media_type,
    }
}

fn string(element: Option<Element<'_>>) -> Result<Option<Cow<'_, str>>, Reason> {
    element.map(|element| element.text().ok_or(Reason::MalformedToken)).transpose()
}
