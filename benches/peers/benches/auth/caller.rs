//! A token or a key, and our way from a request to its principal.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, Request, header, request};
use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, Signer, Validator};
use integridai_tower::auth::{Attempt, Authenticate, TokenVerifier};
use serde_json::json;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "my-service";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// One issuer with one key, and one token of it.
pub(crate) struct Fixture {
    pub(crate) algorithm: Algorithm,
    pub(crate) signer: Signer,
    pub(crate) token: String,
}

impl Fixture {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let signer = match algorithm {
            Algorithm::Hs256 => Signer::hmac(algorithm, SECRET.as_bytes()),
            other => Signer::generate(other),
        };
        let signer = signer.expect("a key");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "5be86359-073c-434b-ad2d-a3932222dabe",
            "iat": now, "nbf": now, "exp": now + 3_600, "jti": "8c4f1d4e-6a0b-4f7d-9c61-2c8a3c3f0b3e",
            "scope": "metrics:read workflows:execute",
        });
        let token = signer.sign(&claims).expect("an object");
        Self { algorithm, signer, token }
    }

    pub(crate) fn tokens(&self, remembers: bool) -> TokenVerifier {
        let keys = KeySet::new([self.signer.verifying_key().expect("a key")]).expect("one key");
        let issuer = Issuer::new(ISSUER).audience(AUDIENCE).keys(keys);
        let tokens = TokenVerifier::new(Validator::new([issuer]).expect("it is complete"));
        if remembers { tokens } else { tokens.max_cached(0) }
    }
}

pub(crate) struct Caller<A> {
    authenticator: A,
    request: request::Parts,
}

impl<A: Authenticate> Caller<A> {
    pub(crate) fn with_token(authenticator: A, token: &str) -> Self {
        Self::with(authenticator, header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub(crate) fn with_key(authenticator: A, key: &str) -> Self {
        Self::with(authenticator, HeaderName::from_static("x-api-key"), key)
    }

    fn with(authenticator: A, field: HeaderName, value: &str) -> Self {
        let mut request = Request::new(());
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("api.example"));
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        request.headers_mut().insert(field, value.parse().expect("visible ASCII"));
        Self { authenticator, request: request.into_parts().0 }
    }

    pub(crate) fn is_let_in(&self) {
        match self.authenticator.authenticate(&self.request) {
            Attempt::Decided(Ok(Some(principal))) => drop(std::hint::black_box(principal)),
            other => panic!("not let in: {other:?}"),
        }
    }
}
