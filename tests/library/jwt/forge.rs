//! Makes tokens, good ones and all others, and the door that they knock at.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use integridai_tower::Clock;
use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, Signer, Validator};
use integridai_tower::auth::{AuthenticateLayer, Denied, Reason, TokenVerifier};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

pub(super) const NOW: u64 = 1_700_000_000;
pub(super) const ISSUER: &str = "https://issuer.example/";
pub(super) const SECRET: &[u8; 64] = &[0x5e; 64];

pub(super) fn now() -> Duration {
    Duration::from_secs(NOW)
}

/// One key for each algorithm, its id being the algorithm's name.
static SIGNERS: LazyLock<BTreeMap<Algorithm, Signer>> = LazyLock::new(|| {
    let rsa = Signer::generate(Algorithm::Rs256).unwrap().private_pem().unwrap();
    let signer = |algorithm: Algorithm| match algorithm.as_str().split_at(2).0 {
        "HS" => Signer::hmac(algorithm, SECRET),
        "RS" | "PS" => Signer::from_pem(algorithm, &rsa),
        _ => Signer::generate(algorithm),
    };
    let all = Algorithm::ALL.into_iter();
    all.map(|algorithm| (algorithm, signer(algorithm).unwrap().with_id(algorithm.as_str()))).collect()
});

pub(super) fn signer(algorithm: Algorithm) -> &'static Signer {
    &SIGNERS[&algorithm]
}

pub(super) fn keys() -> KeySet {
    KeySet::new(SIGNERS.values().map(|signer| signer.verifying_key().unwrap())).unwrap()
}

/// Our issuer with all its keys, as strict as it is by default.
pub(super) fn issuer() -> Issuer {
    Issuer::new(ISSUER).audience("api").keys(keys())
}

/// The door of most tests: our issuer, and one whose only key is `HS256` with another secret.
static DOOR: LazyLock<Validator> = LazyLock::new(|| {
    let other = Signer::hmac(Algorithm::Hs256, b"the secret of the other one, 32 b").unwrap();
    let keys = KeySet::new([other.verifying_key().unwrap()]).unwrap();
    Validator::new([issuer(), Issuer::new("https://other.example/").audience("api").keys(keys)]).unwrap()
});

pub(super) fn door() -> &'static Validator {
    &DOOR
}

pub(super) type Row = (&'static str, String, Reason);

/// Every token is refused, each for its reason.
pub(super) fn assert_refused(rows: &[Row]) {
    for (name, token, reason) in rows {
        let found = door().verify(token, now());
        assert_eq!(found.map(|_| "accepted"), Err(*reason), "{name}: {token}");
        assert_answered_401(name, token, *reason);
    }
}

/// Whatever is wrong with it. Before the token is looked into, the field has to have the form of credentials.
fn assert_answered_401(name: &str, token: &str, reason: Reason) {
    // Spaces after the scheme belong to the field (RFC 9110 §11.4): the same token without them is another row's.
    if token.starts_with(' ') {
        return;
    }
    // What cannot stand in a field cannot be sent.
    let Ok(value) = HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()) else { return };
    let request = Request::builder().header(AUTHORIZATION, value).body(Full::<Bytes>::default()).unwrap();
    let tokens = TokenVerifier::new(door().clone()).clock(Clock::stopped(now()));
    let inner = service_fn(|_| ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));
    let answer = AuthenticateLayer::new(tokens).layer(inner).oneshot(request).now_or_never();
    let answer = answer.expect("nothing is waited for").unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{name}: {token}");
    let found = answer.extensions().get::<Denied>().expect("the reason").reason();
    let is_no_credential = matches!(found, Reason::MalformedCredentials | Reason::SeveralCredentials);
    assert!(found == reason || is_no_credential, "{name}: {found:?} instead of {reason:?}: {token}");
}

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What every good token says.
pub(super) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "api", "sub": "user-7", "exp": NOW + 600 })
}

pub(super) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub(super) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Signed rightly, so that only what it says is wrong.
pub(super) fn saying(claims: &Value) -> String {
    signed(Algorithm::Hs256, header(Algorithm::Hs256), claims.to_string())
}

/// As `saying`, of claims that serde would not write.
pub(super) fn saying_text(claims: impl AsRef<[u8]>) -> String {
    signed(Algorithm::Hs256, header(Algorithm::Hs256), claims)
}

/// Good claims below this header, signed rightly with `HS256`.
pub(super) fn headed(header: impl AsRef<[u8]>) -> String {
    signed(Algorithm::Hs256, header, claims().to_string())
}

pub(super) fn header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{algorithm}"}}"#)
}

/// A token of exactly these parts, signed with the key of this algorithm whatever the header says.
pub(super) fn signed(algorithm: Algorithm, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = sign(algorithm, message.as_bytes());
    format!("{message}.{}", b64(signature))
}

/// A good token of this algorithm.
pub(super) fn good(algorithm: Algorithm) -> String {
    signed(algorithm, header(algorithm), claims().to_string())
}

/// A good token with its signature changed.
pub(super) fn resigned(algorithm: Algorithm, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let token = good(algorithm);
    let (message, signature) = token.rsplit_once('.').unwrap();
    format!("{message}.{}", b64(change(URL_SAFE_NO_PAD.decode(signature).unwrap())))
}

/// Not through the library, which would not sign what is wrong.
pub(super) fn sign(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Hs256 => mac(hmac::HMAC_SHA256, SECRET, message),
        Algorithm::Hs384 => mac(hmac::HMAC_SHA384, SECRET, message),
        Algorithm::Hs512 => mac(hmac::HMAC_SHA512, SECRET, message),
        Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_SHA256, message),
        Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_SHA384, message),
        Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_SHA512, message),
        Algorithm::Ps256 => rsa(&signature::RSA_PSS_SHA256, message),
        Algorithm::Ps384 => rsa(&signature::RSA_PSS_SHA384, message),
        Algorithm::Ps512 => rsa(&signature::RSA_PSS_SHA512, message),
        Algorithm::Es256 => ecdsa(algorithm, &signature::ECDSA_P256_SHA256_FIXED_SIGNING, message),
        Algorithm::Es384 => ecdsa(algorithm, &signature::ECDSA_P384_SHA384_FIXED_SIGNING, message),
        Algorithm::Es512 => ecdsa(algorithm, &signature::ECDSA_P521_SHA512_FIXED_SIGNING, message),
        _ => Ed25519KeyPair::from_pkcs8(&der(algorithm)).unwrap().sign(message).as_ref().to_vec(),
    }
}

pub(super) fn mac(algorithm: hmac::Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec()
}

fn rsa(encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&der(Algorithm::Rs256)).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

pub(super) fn ecdsa(
    algorithm: Algorithm,
    signing: &'static signature::EcdsaSigningAlgorithm,
    message: &[u8],
) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(signing, &der(algorithm)).unwrap();
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

fn der(algorithm: Algorithm) -> Vec<u8> {
    pem_body(&signer(algorithm).private_pem().unwrap())
}

pub(super) fn pem_body(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

pub(super) fn sha256(message: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, message).as_ref().to_vec()
}
