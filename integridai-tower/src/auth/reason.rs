//! Why a request was not let through.

/// Why a request was not let through. For logs and metrics; the client is told less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It has no credentials of any kind that is accepted.
    #[error("no credentials")]
    NoCredentials,
    /// It has several, in several fields or in one.
    #[error("several credentials")]
    SeveralCredentials,
    /// The field is not of the scheme's form (RFC 6750 §2.1).
    #[error("credentials of a wrong form")]
    MalformedCredentials,
    /// The token is longer than is accepted.
    #[error("token too large")]
    TokenTooLarge,
    /// The token is not a JWS in compact form with a JSON header and JSON claims, to the letter of RFC 7515 and 7519.
    #[error("malformed token")]
    MalformedToken,
    /// A member is there twice (RFC 7515 §4, RFC 7519 §4).
    #[error("duplicate member")]
    DuplicateMember,
    /// `alg` is `none` (RFC 8725 §3.2).
    #[error("unsecured token")]
    Unsecured,
    /// A token within a token, or an encrypted one.
    #[error("nested or encrypted token")]
    Nested,
    /// `alg` is unknown, not accepted, or not that of the key (RFC 8725 §3.1).
    #[error("algorithm not accepted")]
    WrongAlgorithm,
    /// `crit` or `b64` asks for what is not understood (RFC 7515 §4.1.11, RFC 7797).
    #[error("critical extension not understood")]
    CriticalExtension,
    /// The header brings a key along, or says where to fetch one: `jwk`, `jku`, `x5u`, `x5c` (RFC 8725 §3.10).
    #[error("embedded key")]
    EmbeddedKey,
    /// `typ` is not one that is accepted (RFC 8725 §3.11).
    #[error("wrong token type")]
    WrongType,
    /// No key of the issuer fits the token.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("wrong signature")]
    WrongSignature,
    /// A claim that is required is not there.
    #[error("missing claim")]
    MissingClaim,
    /// A claim has a value of a wrong kind.
    #[error("malformed claim")]
    MalformedClaim,
    /// `iss` is of nobody who is trusted.
    #[error("wrong issuer")]
    WrongIssuer,
    /// `aud` is somebody else.
    #[error("wrong audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` has not come.
    #[error("not yet valid")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("issued in the future")]
    IssuedInFuture,
    /// It is older than is accepted.
    #[error("too old")]
    TooOld,
    /// It was revoked.
    #[error("revoked")]
    Revoked,
    /// Not of the form of an API key, or mistyped.
    #[error("malformed API key")]
    MalformedApiKey,
    /// No API key of this name.
    #[error("unknown API key")]
    UnknownApiKey,
    /// The API key's secret is another.
    #[error("wrong secret")]
    WrongSecret,
    /// It could not be checked: no key has been loaded, or it took too long.
    #[error("keys unavailable")]
    KeysUnavailable,
    /// The principal lacks a scope.
    #[error("insufficient scope")]
    InsufficientScope,
    /// The principal lacks a role.
    #[error("insufficient role")]
    InsufficientRole,
    /// The principal may not do this with this.
    #[error("forbidden")]
    Forbidden,
}

impl Reason {
    /// One word, for a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::SeveralCredentials => "several_credentials",
            Self::MalformedCredentials => "malformed_credentials",
            Self::TokenTooLarge => "token_too_large",
            Self::MalformedToken => "malformed_token",
            Self::DuplicateMember => "duplicate_member",
            Self::Unsecured => "unsecured",
            Self::Nested => "nested",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::CriticalExtension => "critical_extension",
            Self::EmbeddedKey => "embedded_key",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::WrongSignature => "wrong_signature",
            Self::MissingClaim => "missing_claim",
            Self::MalformedClaim => "malformed_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::TooOld => "too_old",
            Self::Revoked => "revoked",
            Self::MalformedApiKey => "malformed_api_key",
            Self::UnknownApiKey => "unknown_api_key",
            Self::WrongSecret => "wrong_secret",
            Self::KeysUnavailable => "keys_unavailable",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientRole => "insufficient_role",
            Self::Forbidden => "forbidden",
        }
    }
}
