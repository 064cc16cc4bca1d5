//! What an unsafe request makes invalid (RFC 9111 §4.4).

use http::header::{CONTENT_LOCATION, HeaderName, LOCATION};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::key::Key;

/// Whether a method may change things: all but those that are known to be safe (RFC 9110 §9.2.1).
pub(super) fn is_unsafe(method: &Method) -> bool {
    !matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY"
    )
}

/// Whether a response tells of a change.
pub(super) fn is_success(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// The URLs of the same origin in `Location` and `Content-Location`.
pub(super) fn named(base: &Key<'_>, headers: &HeaderMap) -> Vec<Uri> {
    let of = |name: HeaderName| resolve(base, headers.get(name)?.to_str().ok()?);
    [of(LOCATION), of(CONTENT_LOCATION)].into_iter().flatten().collect()
}

/// The URL in `Content-Location`, if it is of the same origin.
pub(super) fn content_location(base: &Key<'_>, headers: &HeaderMap) -> Option<Uri> {
    resolve(base, headers.get(CONTENT_LOCATION)?.to_str().ok()?)
}

/// A reference over its base (RFC 3986 §5.2); `None` for what is of another origin or no reference.
fn resolve(base: &Key<'_>, reference: &str) -> Option<Uri> {
    let reference = reference.split('#').next().unwrap_or("").trim();
    let base_url = base.url();
    let base_start = base.scheme().len() + "://".len() + base.authority().len();
    let base_path = base_url.get(base_start..)?.split('?').next()?;
    let text = if let Some(rest) = reference.strip_prefix("//") {
        format!("{}://{rest}", base.scheme())
    } else if has_scheme(reference) {
        reference.to_owned()
    } else if reference.is_empty() {
        base_url.clone()
    } else if reference.starts_with('?') {
        format!("{}{base_path}{reference}", &base_url[..base_start])
    } else {
        let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
        let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
        format!("{}{}{query}", &base_url[..base_start], without_dots(&path))
    };
    let url: Uri = text.parse().ok()?;
    is_same_origin(base, &url).then_some(url)
}

fn has_scheme(reference: &str) -> bool {
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    reference.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_same_origin(base: &Key<'_>, url: &Uri) -> bool {
    let Some(authority) = url.authority() else { return false };
    let default_port = if base.scheme() == "https" { ":443" } else { ":80" };
    let host = authority.as_str();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.strip_suffix(default_port).unwrap_or(host);
    url.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case(base.scheme()))
        && host.eq_ignore_ascii_case(base.authority())
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let ends_in_folder = path.ends_with("/.") || path.ends_with("/..");
    let slash = if ends_in_folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::key::Keys;

    fn of(reference: &str) -> Option<String> {
        let base = "http://host.test/a/item?x=1".parse().unwrap();
        resolve(&Keys::new("http", false).of_url(&base), reference).map(|url| url.to_string())
    }

    #[test]
    fn references_are_resolved() {
        for (reference, expected) in [
            ("there", "/a/there"),
            ("./there", "/a/there"),
            ("../there", "/there"),
            ("../../../there", "/there"),
            ("/b/./c/../there?y=1#z", "/b/there?y=1"),
            ("?y=2", "/a/item?y=2"),
            ("", "/a/item?x=1"),
            ("..", "/"),
            ("//host.test/there", "/there"),
            ("http://host.test/there", "/there"),
        ] {
            assert_eq!(of(reference), Some(format!("http://host.test{expected}")), "{reference}");
        }
        assert_eq!(of("http://HOST.test:80/there").as_deref(), Some("http://HOST.test:80/there"));
    }

    #[test]
    fn other_origins_are_left_alone() {
        for reference in [
            "http://other.test/",
            "http://host.test:81/",
            "https://host.test/",
            "//other.test/",
            "http://[",
            "mailto:a@b",
        ] {
            assert_eq!(of(reference), None, "{reference}");
        }
    }

    #[test]
    fn safe_methods_are_the_known_ones() {
        let of = |name: &str| is_unsafe(&Method::from_bytes(name.as_bytes()).unwrap());
        assert!(["POST", "PUT", "DELETE", "PATCH", "BREW", "get"].into_iter().all(of));
        assert!(!["GET", "HEAD", "OPTIONS", "TRACE"].into_iter().any(of));
    }

    proptest! {
        #[test]
        fn any_reference_is_resolved_without_a_panic(reference in "[ -~]{0,40}") {
            let _ = of(&reference);
        }
    }
}
