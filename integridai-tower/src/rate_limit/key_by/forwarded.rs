//! The hops that proxies tell of, the last one first; `None` is a hop that cannot be read.
//!
//! A proxy appends to what a client sent, so both lists are read from the right: whatever stands on the left, an unbalanced
//! quotation mark included, cannot change what was read before it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses, with or without a port; IPv6 ones with or without brackets.
pub(super) fn x_forwarded_for_hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let members = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).map(any_address)
}

/// The `for` parameters of RFC 7239 §4.
pub(super) fn forwarded_hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let elements = headers.get_all(FORWARDED).iter().rev().flat_map(elements);
    elements.map(|element| element.and_then(node).and_then(node_address))
}

/// The elements of a line from the right, `None` for one whose quotation marks do not match; empty ones are left out (RFC 9110 §5.6.1).
fn elements(line: &HeaderValue) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(line.as_bytes());
    let next = move || {
        let text = rest.take()?;
        let Some(cut) = last_separator(text, b',') else { return Some(None) };
        rest = cut.checked_sub(1).map(|end| &text[..end]);
        Some(Some(text[cut..].trim_ascii()))
    };
    std::iter::from_fn(next).filter(|element| element.is_none_or(|element| !element.is_empty()))
}

/// Where the text begins that follows the last separator outside of quotation marks; 0 where there is none, `None` where
/// a quotation mark is left over.
fn last_separator(text: &[u8], separator: u8) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in text.iter().enumerate().rev() {
        if *byte == b'"' && !(is_quoted && is_escaped(text, at)) {
            is_quoted = !is_quoted;
        } else if *byte == separator && !is_quoted {
            return Some(at + 1);
        }
    }
    (!is_quoted).then_some(0)
}

fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The value of `for`; `None` unless there is exactly one (RFC 7239 §4).
fn node(element: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    let mut rest = Some(element);
    while let Some(text) = rest {
        let cut = last_separator(text, b';')?;
        rest = cut.checked_sub(1).map(|end| &text[..end]);
        let pair = text[cut..].trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        if pair[..at].eq_ignore_ascii_case(b"for") && found.replace(&pair[at + 1..]).is_some() {
            return None;
        }
    }
    found
}

/// An IPv4 address, or a quoted IPv6 one in brackets, and a port (RFC 7239 §6); unknown and obfuscated nodes have none.
fn node_address(node: &[u8]) -> Option<IpAddr> {
    let quoted = node.strip_prefix(b"\"").map(|text| text.strip_suffix(b"\""));
    let text = str::from_utf8(quoted.unwrap_or(Some(node))?).ok()?;
    if text.starts_with('[') && quoted.is_none() {
        return None;
    }
    bracketed(text).or_else(|| ipv4(text))
}

fn any_address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    bracketed(text).or_else(|| ipv4(text)).or_else(|| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
}

fn ipv4(text: &str) -> Option<IpAddr> {
    let address = text.split_once(':').map_or(text, |(address, _)| address);
    let port = text.get(address.len() + 1..);
    let is_port =
        |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_none_or(is_port).then(|| address.parse().ok().map(IpAddr::V4)).flatten()
}

fn bracketed(text: &str) -> Option<IpAddr> {
    let inside = text.strip_prefix('[')?;
    match inside.strip_suffix(']') {
        Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse::<SocketAddr>().ok().map(|address| address.ip()),
    }
}
