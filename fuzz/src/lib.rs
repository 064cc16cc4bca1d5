//! What the fuzz targets do with their bytes; the property tests of the workspace do the same.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use integridai_tower::CorrelationId;
use integridai_tower::auth::Scheme;
use integridai_tower::auth::api_key::ApiKey;
use integridai_tower::auth::jwt::{Algorithm, Issuer, JwksReader, Key, KeySet, Signer, Validator};
use integridai_tower::correlation::{Baggage, TraceContext, TraceState};

const SECRET: [u8; 32] = [7; 32];

/// Lets everything through that can be let through, so that the bytes come as far as they can.
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let key = Key::hmac(Algorithm::Hs256, &SECRET).expect("it is long enough");
    let keys = KeySet::new([key]).expect("one key");
    let lenient = Issuer::dangerous_any().keys(keys).dangerous_accept_any_audience();
    let lenient = lenient.dangerous_accept_without_expiry().ignore_embedded_keys();
    let lenient = lenient.tenant_claim(["a", "b"]).keep_claim("c").max_age(Duration::from_secs(60));
    Validator::new([lenient]).expect("one issuer")
});

/// Reads bytes as a token, and as the claims of one that is signed rightly.
pub fn token(bytes: &[u8]) {
    let now = Duration::from_secs(1_700_000_000);
    let _ = VALIDATOR.verify(bytes, now);
    let _ = VALIDATOR.issuer_of(bytes);
    if let Ok(principal) = VALIDATOR.verify(signed(bytes), now) {
        assert!(!principal.subject().is_empty());
    }
}

fn signed(claims: &[u8]) -> String {
    let message = format!("eyJhbGciOiJIUzI1NiJ9.{}", URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Reads bytes as a JWK Set, and as one JWK.
pub fn jwks(bytes: &[u8]) {
    let _ = JwksReader::new().allow_symmetric().unmarked_rsa(Algorithm::ALL).read(bytes);
    let _ = Key::from_jwk(bytes);
}

/// Reads bytes as a key in PEM, of every algorithm.
pub fn pem(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for algorithm in Algorithm::ALL {
        let _ = Key::from_pem(algorithm, text);
        let _ = Signer::from_pem(algorithm, text);
    }
}

/// Reads each line as one field of each of these names, and what is kept of it once more.
pub fn fields(bytes: &[u8]) {
    let names = ["authorization", "x-correlation-id", "traceparent", "tracestate", "baggage"];
    let mut headers = HeaderMap::new();
    for value in bytes.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        for name in names {
            headers.append(HeaderName::from_static(name), value.clone());
        }
        let _ = value.to_str().map(str::parse::<ApiKey>);
    }
    let _ = Scheme::BEARER.credentials(&headers);
    let mut sent = HeaderMap::new();
    if let Some(id) = CorrelationId::from_headers(&headers) {
        assert_eq!(CorrelationId::try_from(&id.to_header_value()), Ok(id));
    }
    let state = TraceState::from_headers(&headers);
    if let Ok(changed) = state.with("own", "1") {
        assert_eq!((changed.members().next(), changed.as_str().len() <= 512), (Some(("own", "1")), true));
    }
    let context =
        TraceContext::from_headers(&headers).unwrap_or_else(|| TraceContext::start(true).with_state(state));
    context.inject(&mut sent);
    assert_eq!(TraceContext::from_headers(&sent), Some(context));
    let baggage = Baggage::from_headers(&headers);
    baggage.inject(&mut sent);
    assert_eq!(Baggage::from_headers(&sent), baggage);
    baggage.members().for_each(|member| drop((member.value(), member.properties().count())));
}
