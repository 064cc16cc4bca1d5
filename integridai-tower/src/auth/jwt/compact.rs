//! The compact form of a token: three parts in base64url (RFC 7515 §7.1).

use memchr::memchr;

use super::base64url;
use super::verifier::MAX_SIGNATURE;
use crate::auth::Reason;

/// A token, cut at its dots.
pub(super) struct Compact<'a> {
    pub(super) header: &'a [u8],
    claims: &'a [u8],
    signature: &'a [u8],
    /// What the signature is of.
    pub(super) signed: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(super) fn cut(token: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = cut_at_dot(token).ok_or(Reason::MalformedToken)?;
        let (claims, signature) = cut_at_dot(rest).ok_or(Reason::MalformedToken)?;
        if memchr(b'.', signature).is_some() {
            return Err(reason_of_more_parts(signature));
        }
        let signed = &token[..header.len() + 1 + claims.len()];
        Ok(Self { header, claims, signature, signed })
    }

    /// The header's JSON, in the buffer.
    pub(super) fn decode_header<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b str, Reason> {
        decode(self.header, buffer)
    }

    /// The JSON of the claims, in the buffer.
    pub(super) fn decode_claims<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b str, Reason> {
        decode(self.claims, buffer)
    }

    pub(super) fn decode_signature<'b>(
        &self,
        buffer: &'b mut [u8; MAX_SIGNATURE],
    ) -> Result<&'b [u8], Reason> {
        base64url::decode_into(self.signature, buffer).map_err(|_| Reason::MalformedToken)
    }
}

fn decode<'b>(part: &[u8], buffer: &'b mut Vec<u8>) -> Result<&'b str, Reason> {
    buffer.resize(base64url::decoded_length(part), 0);
    let bytes = base64url::decode_into(part, buffer).map_err(|_| Reason::MalformedToken)?;
    str::from_utf8(bytes).map_err(|_| Reason::MalformedToken)
}

fn cut_at_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = memchr(b'.', text)?;
    Some((&text[..dot], &text[dot + 1..]))
}

/// Five parts are an encrypted token (RFC 7516 §7.1).
fn reason_of_more_parts(rest: &[u8]) -> Reason {
    let dots = memchr::memchr_iter(b'.', rest).count();
    if dots == 2 { Reason::Nested } else { Reason::MalformedToken }
}
