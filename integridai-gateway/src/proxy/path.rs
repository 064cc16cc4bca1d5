//! Which paths are passed on: to the letter, or not at all.

/// Why a path is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathRefused {
    /// `.` or `..`, however it is written: who resolves it is somewhere else than who does not.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `\`, which some take for `/`.
    #[error("the path has a backslash")]
    Backslash,
    /// A character that ends a text for some.
    #[error("the path has a control character")]
    Control,
    /// `%` without two digits, of which nobody knows what it is.
    #[error("the path has a % without two hexadecimal digits")]
    Malformed,
}

/// As often as somebody behind may decode it once more than the gateway's neighbours do.
const ROUNDS: usize = 3;

/// Whether the path means the same to whoever decodes it and whoever does not, as far as segments are concerned. An encoded
/// `/` is let through, unless it makes a dot segment.
///
/// # Errors
///
/// [`PathRefused`], for what is to be refused with 400.
pub(super) fn check(path: &str) -> Result<(), PathRefused> {
    let mut decoded = path.as_bytes().to_vec();
    is_plain(&decoded)?;
    for round in 0..ROUNDS {
        if !decoded.contains(&b'%') {
            break;
        }
        decoded = decode(&decoded, round == 0)?;
        is_plain(&decoded)?;
    }
    Ok(())
}

fn is_plain(path: &[u8]) -> Result<(), PathRefused> {
    if path.contains(&b'\\') {
        return Err(PathRefused::Backslash);
    }
    if path.iter().any(u8::is_ascii_control) {
        return Err(PathRefused::Control);
    }
    // Some servers take off what stands behind a semicolon first.
    let is_dots = |segment: &[u8]| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    };
    if path.split(|byte| *byte == b'/').any(is_dots) {
        return Err(PathRefused::DotSegment);
    }
    Ok(())
}

/// One layer of percent-encoding (RFC 3986 §2.1) taken off. Further in, a `%` may stand for itself.
fn decode(path: &[u8], is_strict: bool) -> Result<Vec<u8>, PathRefused> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        match others {
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ if is_strict => return Err(PathRefused::Malformed),
            _ => decoded.push(b'%'),
        }
    }
    Ok(decoded)
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_one_thing_to_all_is_passed() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a//b",
            "/a%2Fb",
            "/%41",
            "/a%20b",
            "/...",
            "/a..b",
            "/.a",
            "/a.",
            "/a;b=c",
            "/%25",
            "/caf%C3%A9",
            "/a%252Fb",
            "/%25%25",
            "/*",
            "/~a/$&'()+,:@!=",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        use PathRefused::{Backslash, Control, DotSegment, Malformed};
        for (path, why) in [
            ("/..", DotSegment),
            ("/a/../b", DotSegment),
            ("/./a", DotSegment),
            ("/a/.", DotSegment),
            ("/%2e%2e/a", DotSegment),
            ("/.%2E/a", DotSegment),
            ("/a%2f..%2fb", DotSegment),
            ("/a/%2e%2e%2fb", DotSegment),
            ("/%252e%252e/a", DotSegment),
            ("/%25252e%25252e/a", DotSegment),
            ("/..;/a", DotSegment),
            ("/..;a=b/c", DotSegment),
            ("/%2e%2e%3b/a", DotSegment),
            ("/a\\b", Backslash),
            ("/a%5cb", Backslash),
            ("/..%5Ca", Backslash),
            ("/a%255cb", Backslash),
            ("/a%00", Control),
            ("/%2500", Control),
            ("/a%0d%0ab", Control),
            ("/a%7f", Control),
            ("/%", Malformed),
            ("/%2", Malformed),
            ("/%zz", Malformed),
            ("/%u002e", Malformed),
        ] {
            assert_eq!(check(path), Err(why), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics_and_none_that_passes_resolves_to_dots(path in "/[a-z.%2e5fc/;]{0,24}") {
            if check(&path).is_ok() {
                let once = decode(path.as_bytes(), true).unwrap();
                prop_assert!(!once.split(|byte| *byte == b'/').any(|segment| segment == b".."));
            }
        }
    }
}
