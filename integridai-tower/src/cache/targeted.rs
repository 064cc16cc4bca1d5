//! Which field governs: `Cache-Control`, or one that is aimed at this cache (RFC 9213).

use http::HeaderMap;

use super::cache_control::CacheControl;
use super::dictionary::{self, Item};
use super::directives::Directive;
use super::rules::Rules;

/// The directives that count for this cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Governing {
    pub(super) control: CacheControl,
    pub(super) is_targeted: bool,
}

/// The first field of the target list that is valid and not empty; else `Cache-Control` (RFC 9213 §2.2).
pub(super) fn governing(headers: &HeaderMap, rules: &Rules) -> Governing {
    let targeted = rules.targeted.iter().find_map(|name| {
        let mut lines = headers.get_all(name).iter().peekable();
        lines.peek()?;
        of_dictionary(&dictionary::read(lines.map(http::HeaderValue::as_bytes))?)
    });
    match targeted {
        Some(control) => Governing { control, is_targeted: true },
        None => Governing { control: CacheControl::of(headers), is_targeted: false },
    }
}

/// `None` where there is nothing in it, or where a directive that this cache knows has a value of the wrong type.
fn of_dictionary(members: &[(String, Item)]) -> Option<CacheControl> {
    if members.is_empty() {
        return None;
    }
    let mut control = CacheControl::default();
    for (name, item) in members {
        let value = match (needs_seconds(name), item) {
            (true, Item::Integer(seconds)) if *seconds >= 0 => Some(seconds.to_string()),
            (true, _) => return None,
            (false, Item::Boolean(false)) => continue,
            (false, Item::String(text)) => Some(text.clone()),
            (false, _) => None,
        };
        let value = value.map(|value| value.into_bytes().into());
        control.note(&Directive { name: name.as_bytes(), value });
    }
    Some(control)
}

fn needs_seconds(name: &str) -> bool {
    matches!(name, "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &str)]) -> Governing {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let mut rules = Rules::shared();
        rules.targeted.insert(0, http::HeaderName::from_static("mine-cache-control"));
        governing(&headers, &rules)
    }

    #[test]
    fn a_valid_targeted_field_decides_alone() {
        let found = of(&[("cdn-cache-control", "max-age=5, foobar"), ("cache-control", "no-store")]);
        assert!(found.is_targeted && !found.control.no_store);
        assert_eq!(found.control.max_age, Some(5));
        let found = of(&[("cdn-cache-control", "max-age=5"), ("mine-cache-control", "private")]);
        assert!(found.control.private.is_everything() && found.control.max_age.is_none());
        assert_eq!(
            of(&[("cdn-cache-control", "max-age=1"), ("cdn-cache-control", "max-age=2")]).control.max_age,
            Some(2)
        );
        assert!(!of(&[("cdn-cache-control", "max-age=5, no-store=?0")]).control.no_store);
    }

    #[test]
    fn an_invalid_or_empty_one_is_as_if_absent() {
        for value in [
            "",
            " ",
            "max-age=10, &&&",
            "max-age=\"10\"",
            "max-age =1",
            "max-age= 1",
            "MaX-age=1",
            "max-age=-1",
            "max-age=1.5",
            "max-age",
        ] {
            let found = of(&[("cdn-cache-control", value), ("cache-control", "no-store")]);
            assert!(!found.is_targeted && found.control.no_store, "{value}");
        }
    }
}
