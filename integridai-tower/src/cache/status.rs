//! What the cache says of itself: `Cache-Status` (RFC 9211).

use http::{HeaderName, HeaderValue, StatusCode};

use super::decimal;

/// The field, in which each cache on the way has a member.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a request went on to the origin (RFC 9211 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forward {
    Bypass,
    Method,
    UriMiss,
    VaryMiss,
    Request,
    Stale,
    Partial,
}

impl Forward {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// The parameters of a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Member {
    /// `None` for a hit.
    pub(super) forward: Option<Forward>,
    pub(super) forward_status: Option<StatusCode>,
    /// Seconds; negative once it is stale.
    pub(super) ttl: Option<i64>,
    pub(super) is_stored: bool,
    pub(super) is_collapsed: bool,
    pub(super) detail: Option<&'static str>,
}

impl Member {
    pub(super) fn hit(ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::default() }
    }

    pub(super) fn forwarded(forward: Forward) -> Self {
        Self { forward: Some(forward), ..Self::default() }
    }

    /// The member of the cache of this name.
    pub(super) fn print(&self, name: &str) -> HeaderValue {
        let [forward_sign, forward] = match self.forward {
            None => ["; hit", ""],
            Some(forward) => ["; fwd=", forward.as_str()],
        };
        let status =
            self.forward_status.as_ref().map_or(["", ""], |status| ["; fwd-status=", status.as_str()]);
        let ttl = self.ttl.map(|ttl| (ttl < 0, decimal::text(ttl.unsigned_abs())));
        let [ttl_sign, ttl] = match &ttl {
            None => ["", ""],
            Some((is_negative, ttl)) => [if *is_negative { "; ttl=-" } else { "; ttl=" }, ttl],
        };
        let detail = self.detail.map_or(["", ""], |detail| ["; detail=", detail]);
        // In one piece of its length, which a value takes over as it is.
        let pieces = [
            name,
            forward_sign,
            forward,
            status[0],
            status[1],
            if self.is_stored { "; stored" } else { "" },
            if self.is_collapsed { "; collapsed" } else { "" },
            ttl_sign,
            ttl,
            detail[0],
            detail[1],
        ];
        let mut text = String::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
        pieces.iter().filter(|piece| !piece.is_empty()).for_each(|piece| text.push_str(piece));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("cache"))
    }
}

/// Whether it is a token that begins with a letter, as a structured field's (RFC 9651 §3.3.4).
pub(super) fn is_token(name: &str) -> bool {
    let is_tail = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*') && name.bytes().all(is_tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_structured_items() {
        assert_eq!(Member::hit(-3).print("a"), "a; hit; ttl=-3");
        let forwarded = Member {
            forward_status: Some(StatusCode::NOT_MODIFIED),
            is_stored: true,
            is_collapsed: true,
            detail: Some("x"),
            ..Member::forwarded(Forward::Stale)
        };
        assert_eq!(forwarded.print("a"), "a; fwd=stale; fwd-status=304; stored; collapsed; detail=x");
    }

    #[test]
    fn names_are_tokens() {
        assert!(is_token("integridai") && is_token("Edge-1:a/b"));
        assert!(!is_token("") && !is_token("1a") && !is_token("a b") && !is_token("a;b"));
    }
}
