//! The textual form of keys (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key_error::KeyError;

pub(super) const PUBLIC_KEY: &str = "PUBLIC KEY";
pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";
/// The length of a line (RFC 7468 §2).
const LINE: usize = 64;

/// The bytes of a text that is one public key and nothing else.
pub(super) fn decode_public(text: &str) -> Result<Vec<u8>, KeyError> {
    match decode(text)? {
        (PUBLIC_KEY | "RSA PUBLIC KEY", der) => Ok(der),
        (label, _) if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
        _ => Err(KeyError::Unsupported),
    }
}

/// Label and bytes of a text that is one block and nothing else.
pub(super) fn decode(text: &str) -> Result<(&str, Vec<u8>), KeyError> {
    let block = split(text.trim()).ok_or(KeyError::Malformed)?;
    let encoded: Vec<u8> = block.1.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Malformed)?;
    Ok((block.0, bytes))
}

pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + &format!("-----END {label}-----\n")
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let encoded = rest.strip_suffix("-----")?.strip_suffix(label)?.strip_suffix("-----END ")?;
    Some((label, encoded))
}
