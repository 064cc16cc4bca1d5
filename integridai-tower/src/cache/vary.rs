//! Which request a stored response is for (RFC 9111 §4.1).

use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue};

use super::directives::{members, trimmed};

/// The fields that `Vary` names, over all its lines, each once; `None` where it says `*`.
pub(super) fn fields(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut fields = Vec::new();
    for member in headers.get_all(VARY).iter().flat_map(|line| members(line.as_bytes())) {
        if member == b"*" {
            return None;
        }
        match HeaderName::from_bytes(member) {
            Ok(name) if fields.contains(&name) => {}
            Ok(name) => fields.push(name),
            // What no request can have is the same for all of them; that is not what was meant.
            Err(_) => return None,
        }
    }
    Some(fields)
}

/// The selecting fields of a stored response, and what they were in its request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selecting(pub(super) Vec<Selected>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) name: HeaderName,
    /// As it was sent, where it was one line: to see at once that another request has the same.
    pub(super) raw: Option<HeaderValue>,
    pub(super) normal: Option<Vec<u8>>,
    /// The language of the stored response, where the field asks for languages.
    pub(super) language: Option<Vec<u8>>,
}

impl Selecting {
    /// `None` where `Vary` lets nothing match.
    pub(super) fn new(response: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let fields = fields(response)?;
        if fields.is_empty() {
            return Some(Self::default());
        }
        let language = response.get(CONTENT_LANGUAGE).map(|line| line.as_bytes().to_ascii_lowercase());
        let selected = |name: HeaderName| Selected {
            // Not a slice of the buffer that the request was read into.
            raw: only_line(request, &name).and_then(|line| HeaderValue::from_bytes(line.as_bytes()).ok()),
            normal: normal(request, &name),
            language: if name == ACCEPT_LANGUAGE { language.clone() } else { None },
            name,
        };
        Some(Self(fields.into_iter().map(selected).collect()))
    }

    /// Bytes that it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let of = |selected: &Selected| {
            let raw = selected.raw.as_ref().map_or(0, HeaderValue::len);
            size_of::<Selected>() + raw + length(&selected.normal) + length(&selected.language)
        };
        self.0.iter().map(of).sum()
    }

    /// Whether the response is the same for all requests.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|selected| selected.matches(request))
    }

    /// Whether both stand for the same requests.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, two)| one.name == two.name && one.normal == two.normal)
    }

    /// What the fields are in this request, to tell requests apart that need different responses.
    pub(super) fn describe(&self, request: &HeaderMap) -> Vec<Option<Vec<u8>>> {
        self.0.iter().map(|selected| normal(request, &selected.name)).collect()
    }
}

impl Selected {
    fn matches(&self, request: &HeaderMap) -> bool {
        let raw = only_line(request, &self.name);
        if raw.is_some() && raw == self.raw.as_ref() {
            return true;
        }
        let asked = normal(request, &self.name);
        asked == self.normal
            || match (asked, &self.language) {
                (Some(_), Some(stored)) => prefers(request, stored),
                _ => false,
            }
    }
}

fn only_line<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

/// A field of a request so that those that mean the same are the same: lines joined, no white space around members, and
/// for languages and encodings neither case nor order, since their weights say what is preferred.
fn normal(request: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let lines = request.get_all(name);
    lines.iter().next()?;
    let mut parts: Vec<Vec<u8>> =
        lines.iter().flat_map(|line| members(line.as_bytes())).map(<[u8]>::to_vec).collect();
    if *name == ACCEPT_LANGUAGE || *name == ACCEPT_ENCODING {
        for part in &mut parts {
            let (tag, weight) = weighted(part);
            *part = [&tag[..], b";q=", weight.to_string().as_bytes()].concat();
        }
        parts.sort_unstable();
        parts.dedup();
    }
    Some(parts.join(&b','))
}

/// A member in lower case, and its weight in thousandths (RFC 9110 §12.4.2).
fn weighted(member: &[u8]) -> (Vec<u8>, u16) {
    let mut parts = member.split(|&byte| byte == b';').map(trimmed);
    let mut tag = parts.next().unwrap_or(b"").to_ascii_lowercase();
    let mut weight = 1000;
    for parameter in parts {
        match parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q=")).and_then(thousandths) {
            Some(found) => weight = found,
            None => {
                tag.push(b';');
                tag.extend(parameter.to_ascii_lowercase());
            }
        }
    }
    (tag, weight)
}

fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &b""[..]),
    };
    let is_weight =
        matches!(whole, b"0" | b"1") && fraction.len() <= 3 && fraction.iter().all(u8::is_ascii_digit);
    if !is_weight {
        return None;
    }
    let digit = |at: usize| fraction.get(at).map_or(0, |digit| u16::from(digit - b'0'));
    let value = u16::from(whole[0] - b'0') * 1000 + digit(0) * 100 + digit(1) * 10 + digit(2);
    (value <= 1000).then_some(value)
}

/// Whether a request would have this language and no other in the first place.
fn prefers(request: &HeaderMap, language: &[u8]) -> bool {
    let lines = request.get_all(ACCEPT_LANGUAGE);
    let asked: Vec<(Vec<u8>, u16)> =
        lines.iter().flat_map(|line| members(line.as_bytes())).map(weighted).collect();
    let Some(most) = asked.iter().map(|(_, weight)| *weight).max().filter(|most| *most > 0) else {
        return false;
    };
    let mut first = asked.iter().filter(|(_, weight)| *weight == most).map(|(tag, _)| tag.as_slice());
    first.next() == Some(language) && first.all(|tag| tag == language)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn same(response: &[(&str, &str)], stored: &[(&str, &str)], asked: &[(&str, &str)]) -> bool {
        let selecting = Selecting::new(&headers(response), &headers(stored));
        selecting.is_some_and(|selecting| selecting.matches(&headers(asked)))
    }

    #[test]
    fn a_star_matches_nothing_wherever_it_stands() {
        for lines in [&["*"][..], &["*, *"], &["", "*"], &[", *"], &["*, a"], &["a", "*"], &["a b"]] {
            let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("vary", *line)).collect();
            assert!(!same(&lines, &[("a", "1")], &[("a", "1")]), "{lines:?}");
        }
    }

    #[test]
    fn fields_match_by_their_members() {
        let vary = [("vary", "X-A, x-b, x-a")];
        assert!(same(&vary, &[("x-a", "1")], &[("x-a", "1"), ("x-c", "2")]));
        assert!(same(&vary, &[("x-a", "1, 2")], &[("x-a", " 1,2 ")]));
        assert!(same(&vary, &[("x-a", "1, 2")], &[("x-a", "1"), ("x-a", "2")]));
        assert!(!same(&vary, &[("x-a", "1, 2")], &[("x-a", "2, 1")]));
        assert!(!same(&vary, &[("x-a", "1")], &[("x-a", "1"), ("x-b", "")]));
        assert!(!same(&vary, &[], &[("x-a", "1")]) && !same(&vary, &[("x-a", "1")], &[]));
        assert!(!same(&vary, &[("x-a", "a")], &[("x-a", "A")]));
    }

    #[test]
    fn languages_and_encodings_match_by_their_meaning() {
        let by =
            |field: &str, one: &str, two: &str| same(&[("vary", field)], &[(field, one)], &[(field, two)]);
        assert!(by("accept-language", "en, de", "DE ,en;q=1.000"));
        assert!(!by("accept-language", "en;q=0.5, de", "en, de;q=0.5"));
        assert!(by("accept-encoding", "gzip, br;q=0.8", "BR;Q=0.80,gzip"));
        assert!(!by("accept-encoding", "gzip", "gzip;q=0"));
    }

    #[test]
    fn a_stored_language_is_for_who_prefers_it() {
        let response = [("vary", "accept-language"), ("content-language", "de")];
        let asked = |value| same(&response, &[("accept-language", "en, de")], &[("accept-language", value)]);
        assert!(asked("fr;q=0.5, de") && asked("DE"));
        assert!(!asked("fr, de;q=0.5") && !asked("fr, de") && !asked("de;q=0") && !asked("de-AT"));
    }

    proptest! {
        #[test]
        fn a_request_matches_what_was_stored_for_it(
            vary in "[a-c, *]{0,8}", lines in proptest::collection::vec(("[a-c]", "[ -~]{0,12}"), 0..5),
        ) {
            let request: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            if let Some(selecting) = Selecting::new(&headers(&[("vary", &vary)]), &headers(&request)) {
                prop_assert!(selecting.matches(&headers(&request)));
                prop_assert!(selecting.is_same(&selecting));
            }
        }
    }
}
