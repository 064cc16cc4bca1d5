//! JWK Sets, as they are fetched from strangers.

use integridai_tower::auth::jwt::{Algorithm, JwksError, JwksReader, KeyError, KeySet, Loaded};
use serde_json::{Value, json};

use super::forge::{b64, keys, signer};

fn jwk(algorithm: Algorithm) -> Value {
    signer(algorithm).public_jwk().unwrap()
}

fn changed(algorithm: Algorithm, name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = jwk(algorithm);
    jwk[name] = value.into();
    jwk
}

fn without(algorithm: Algorithm, name: &str) -> Value {
    let mut jwk = jwk(algorithm);
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

fn document(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn load(keys: &[Value]) -> Loaded {
    KeySet::from_jwks(&document(keys)).unwrap()
}

fn skipped(loaded: &Loaded) -> Vec<(usize, KeyError)> {
    loaded.skipped.iter().map(|skipped| (skipped.index, skipped.error)).collect()
}

#[test]
fn one_key_that_cannot_be_used_does_not_spoil_the_others() {
    let loaded = load(&[
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "new" }),
        jwk(Algorithm::Es256),
        json!("not a key"),
        json!(null),
        changed(Algorithm::Rs256, "n", "AQAB"),
        json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k1" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": b64([7; 32]) }),
        changed(Algorithm::EdDsa, "kid", 7),
        jwk(Algorithm::EdDsa),
    ]);
    assert_eq!(loaded.keys.len(), 2);
    let expected = [
        (0, KeyError::WrongAlgorithm),
        (2, KeyError::Malformed),
        (3, KeyError::Malformed),
        (4, KeyError::Weak),
        (5, KeyError::Unsupported),
        (6, KeyError::Unsupported),
        (7, KeyError::Malformed),
    ];
    let found = skipped(&loaded);
    assert_eq!(found.iter().map(|(index, _)| *index).collect::<Vec<_>>(), expected.map(|(index, _)| index));
    for (found, expected) in found.iter().zip(&expected) {
        let is_small_modulus = expected.0 == 4 && matches!(found.1, KeyError::Weak | KeyError::Malformed);
        assert!(found == expected || is_small_modulus, "{found:?} is not {expected:?}");
    }
    assert_eq!(loaded.skipped[0].id.as_deref(), Some("new"));
    assert_eq!(loaded.skipped[4].id.as_deref(), Some("k1"));
}

#[test]
fn keys_for_other_purposes_are_not_used() {
    let loaded = load(&[
        changed(Algorithm::Rs256, "use", "enc"),
        changed(Algorithm::Rs256, "use", ""),
        changed(Algorithm::Es256, "key_ops", json!(["sign"])),
        changed(Algorithm::Es256, "key_ops", json!([])),
        changed(Algorithm::Rs256, "alg", "RSA-OAEP-256"),
        changed(Algorithm::Rs256, "alg", "ES256"),
        changed(Algorithm::Rs256, "alg", "none"),
        changed(Algorithm::Es256, "alg", "HS256"),
        changed(Algorithm::Es384, "key_ops", json!(["verify"])),
        without(Algorithm::Es512, "use"),
    ]);
    let expected = [
        (0, KeyError::NotForVerification),
        (1, KeyError::NotForVerification),
        (2, KeyError::NotForVerification),
        (3, KeyError::NotForVerification),
        (4, KeyError::WrongAlgorithm),
        (5, KeyError::WrongAlgorithm),
        (6, KeyError::WrongAlgorithm),
        (7, KeyError::WrongAlgorithm),
    ];
    assert_eq!(skipped(&loaded), expected);
    assert_eq!(loaded.keys.len(), 2);
}

#[test]
fn private_keys_and_secrets_are_not_used() {
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "s", "k": b64([7; 32]) });
    let private =
        [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa].map(|algorithm| changed(algorithm, "d", "AQ"));
    let loaded = load(&[&private[..], std::slice::from_ref(&secret)].concat());
    let expected = [KeyError::Private, KeyError::Private, KeyError::Private, KeyError::Symmetric];
    assert_eq!(skipped(&loaded).into_iter().map(|(_, error)| error).collect::<Vec<_>>(), expected);
    assert!(loaded.keys.is_empty());

    let allowed = JwksReader::new().allow_symmetric();
    assert_eq!(allowed.read(&document(std::slice::from_ref(&secret))).unwrap().keys.len(), 1);
    let mut unnamed = secret.clone();
    unnamed.as_object_mut().unwrap().remove("alg");
    let mut short = secret;
    short["k"] = b64([7; 31]).into();
    let loaded = allowed.read(&document(&[unnamed, short])).unwrap();
    assert_eq!(skipped(&loaded), [(0, KeyError::WrongAlgorithm), (1, KeyError::Weak)]);
}

#[test]
fn of_two_keys_with_one_id_the_first_is_used() {
    let second = changed(Algorithm::Es384, "kid", "ES256");
    let loaded = load(&[jwk(Algorithm::Es256), jwk(Algorithm::Es256), second]);
    assert_eq!(skipped(&loaded), [(1, KeyError::Duplicate)]);
    assert_eq!(loaded.keys.len(), 2, "one id for two algorithms can be told apart");
    let unnamed = without(Algorithm::Es256, "kid");
    assert_eq!(load(&[unnamed.clone(), unnamed]).keys.len(), 2);
}

#[test]
fn rsa_keys_that_name_no_algorithm_are_for_one_unless_told_otherwise() {
    let unmarked = document(&[without(Algorithm::Rs256, "alg")]);
    let algorithms = |reader: JwksReader| {
        let keys = reader.read(&unmarked).unwrap().keys;
        keys.iter().map(integridai_tower::auth::jwt::Key::algorithm).collect::<Vec<_>>()
    };
    assert_eq!(algorithms(JwksReader::new()), [Algorithm::Rs256]);
    let both = JwksReader::new().unmarked_rsa([Algorithm::Ps256, Algorithm::Rs256]);
    assert_eq!(algorithms(both), [Algorithm::Rs256, Algorithm::Ps256]);
    assert_eq!(algorithms(JwksReader::new().unmarked_rsa([Algorithm::Es256])), []);
    let curve = load(&[without(Algorithm::Es384, "alg")]).keys;
    assert!(curve.has(Some("ES384"), Algorithm::Es384));
}

#[test]
fn a_document_that_is_none_is_refused_as_a_whole() {
    for text in [
        "",
        "null",
        "[]",
        "[[]]",
        "{}",
        "keys",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[]}x"#,
        "<html>",
        "{\"keys\":[\"\u{1}\"]}",
    ] {
        assert_eq!(KeySet::from_jwks(text.as_bytes()).err(), Some(JwksError::Malformed), "{text}");
    }
    assert_eq!(KeySet::from_jwks(b"{\"keys\":[\"\xff\"]}").err(), Some(JwksError::Malformed));
    assert!(KeySet::from_jwks(br#"{"keys":[],"more":{"a":[1]}}"#).unwrap().keys.is_empty());
}

#[test]
fn size_and_number_are_bounded() {
    let reader = JwksReader::new().max_bytes(100).max_keys(2);
    assert_eq!(reader.read(&[b' '; 101]).err(), Some(JwksError::TooLarge { limit: 100 }));
    assert_eq!(reader.read(br#"{"keys":[1,2,3]}"#).err(), Some(JwksError::TooManyKeys { limit: 2 }));
    assert_eq!(reader.read(br#"{"keys":[1,2]}"#).unwrap().skipped.len(), 2);
    let deep = format!("{{\"keys\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(KeySet::from_jwks(deep.as_bytes()).unwrap().skipped.len(), 1);
}

#[test]
fn a_set_of_every_public_key_is_read_back() {
    let public: Vec<Value> =
        Algorithm::ALL.into_iter().filter_map(|algorithm| signer(algorithm).public_jwk()).collect();
    let loaded = load(&public);
    assert!(loaded.skipped.is_empty(), "{:?}", loaded.skipped);
    let with_secrets = keys();
    for key in with_secrets.iter().filter(|key| !key.algorithm().is_symmetric()) {
        assert!(loaded.keys.has(key.id(), key.algorithm()), "{key:?}");
    }
}
