//! Keys: what is taken for one, and what is too weak.

use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::{Algorithm, Key, KeyError, KeySet, SignError, Signer};
use serde_json::{Value, json};

use super::forge::{b64, claims, keys, signer};

fn from_jwk(jwk: &Value) -> Result<Algorithm, KeyError> {
    Key::from_jwk(jwk.to_string().as_bytes()).map(|key| key.algorithm())
}

/// The public key of this algorithm with a member changed.
fn changed(algorithm: Algorithm, name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = signer(algorithm).public_jwk().unwrap();
    jwk[name] = value.into();
    jwk
}

#[test]
fn a_secret_is_as_long_as_its_hash() {
    for (algorithm, length) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        assert!(Key::hmac(algorithm, &vec![7; length]).is_ok(), "{algorithm}");
        assert_eq!(Key::hmac(algorithm, &vec![7; length - 1]).err(), Some(KeyError::Weak), "{algorithm}");
        assert_eq!(Signer::hmac(algorithm, &vec![7; length - 1]).err(), Some(KeyError::Weak), "{algorithm}");
    }
    assert_eq!(Key::hmac(Algorithm::Rs256, &[7; 64]).err(), Some(KeyError::WrongAlgorithm));
}

#[test]
fn the_text_of_a_public_key_is_no_secret() {
    let pem = signer(Algorithm::Rs256).public_pem().unwrap();
    for text in [pem.clone(), format!("\n {pem}")] {
        assert_eq!(Key::hmac(Algorithm::Hs256, text.as_bytes()).err(), Some(KeyError::PublicText));
    }
}

#[test]
fn rsa_keys_are_neither_too_short_nor_too_long() {
    let of_bytes = |length: usize| {
        let mut modulus = vec![0xff; length];
        modulus[length - 1] = 0xef;
        from_jwk(&json!({ "kty": "RSA", "alg": "RS256", "n": b64(modulus), "e": "AQAB" }))
    };
    assert_eq!(of_bytes(256), Ok(Algorithm::Rs256));
    assert_eq!(of_bytes(1024), Ok(Algorithm::Rs256));
    assert_eq!(of_bytes(128), Err(KeyError::Weak));
    assert_eq!(of_bytes(255), Err(KeyError::Weak));
    assert_eq!(of_bytes(1025), Err(KeyError::Weak));
}

#[test]
fn rsa_keys_that_are_none_are_refused() {
    let rs = Algorithm::Rs256;
    let modulus = signer(rs).public_jwk().unwrap()["n"].as_str().unwrap().to_owned();
    for (name, value) in [
        ("e", "Ag"),
        ("e", "AQ"),
        ("e", "AA"),
        ("e", ""),
        ("e", "AAEAAQ"),
        ("e", "AQAB="),
        ("e", "____________"),
        ("n", ""),
        ("n", "AA"),
    ] {
        let refused = from_jwk(&changed(rs, name, value));
        assert!(
            matches!(refused, Err(KeyError::Malformed | KeyError::Weak)),
            "{name}={value:?}: {refused:?}"
        );
    }
    assert_eq!(from_jwk(&changed(rs, "n", format!("{modulus} "))), Err(KeyError::Malformed));
    assert_eq!(from_jwk(&changed(rs, "n", 7)), Err(KeyError::Malformed));
    let members = json!(["RSA", null, "RS256", null, null, null, null, null, modulus, "AQAB", null, null]);
    assert_eq!(from_jwk(&members), Err(KeyError::Malformed), "an array");
}

#[test]
fn points_that_are_not_on_their_curve_are_refused() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let jwk = signer(algorithm).public_jwk().unwrap();
        let (x, y) = (jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
        assert_eq!(from_jwk(&changed(algorithm, "x", y)), Err(KeyError::Malformed), "{algorithm}");
        let zeros = "A".repeat(x.len());
        for value in [zeros.as_str(), "", "AA", &x[..x.len() - 4], &format!("AAAA{x}"), "!"] {
            assert_eq!(
                from_jwk(&changed(algorithm, "x", value)),
                Err(KeyError::Malformed),
                "{algorithm} {value:?}"
            );
        }
    }
    assert_eq!(from_jwk(&changed(Algorithm::Es256, "crv", "P-384")), Err(KeyError::WrongAlgorithm));
    let mut unnamed = changed(Algorithm::Es256, "crv", "P-384");
    unnamed.as_object_mut().unwrap().remove("alg");
    assert_eq!(from_jwk(&unnamed), Err(KeyError::Malformed));
}

/// Each with both signs; the last two are not even reduced.
#[test]
fn ed25519_points_of_small_order_are_refused() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in points {
        let mut bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&point[2 * at..2 * at + 2], 16).unwrap()).collect();
        for _ in 0..2 {
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(&bytes) });
            assert_eq!(from_jwk(&jwk), Err(KeyError::Weak), "{point}");
            bytes[31] ^= 0x80;
        }
    }
    assert_eq!(
        from_jwk(&json!({ "kty": "OKP", "crv": "Ed25519", "x": b64([7; 31]) })),
        Err(KeyError::Malformed)
    );
}

#[test]
fn pem_is_one_public_key_of_the_algorithm() {
    let pem = |algorithm| signer(algorithm).public_pem().unwrap();
    let error = |algorithm, text: &str| Key::from_pem(algorithm, text).err();
    let rsa = pem(Algorithm::Rs256);
    let private = signer(Algorithm::Es256).private_pem().unwrap();
    assert_eq!(error(Algorithm::Es256, &private), Some(KeyError::Private));
    assert_eq!(error(Algorithm::Hs256, &rsa), Some(KeyError::WrongAlgorithm));
    for (algorithm, other) in [
        (Algorithm::Es256, Algorithm::Rs256),
        (Algorithm::Es256, Algorithm::Es384),
        (Algorithm::Es256, Algorithm::EdDsa),
        (Algorithm::Rs256, Algorithm::Es256),
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::EdDsa, Algorithm::Rs256),
    ] {
        assert_eq!(error(algorithm, &pem(other)), Some(KeyError::Malformed), "{other} for {algorithm}");
    }
    let twice = format!("{rsa}{rsa}");
    let renamed = rsa.replace("PUBLIC KEY", "CERTIFICATE");
    assert_eq!(error(Algorithm::Rs256, &renamed), Some(KeyError::Unsupported));
    for text in [
        "",
        "-----BEGIN PUBLIC KEY-----",
        "x",
        &twice,
        &rsa[1..],
        &rsa.replace('M', "*"),
        &rsa.replacen("BEGIN", "END", 1),
    ] {
        assert_eq!(error(Algorithm::Rs256, text), Some(KeyError::Malformed), "{text}");
    }
    assert!(Key::from_pem(Algorithm::Rs256, &rsa.replace('\n', "\r\n")).is_ok());
}

#[test]
fn sets_find_keys_by_id_and_algorithm() {
    let key = |id: &str, byte| Key::hmac(Algorithm::Hs256, &[byte; 32]).unwrap().with_id(id);
    let unnamed = |byte| Key::hmac(Algorithm::Hs256, &[byte; 32]).unwrap();
    assert!(KeySet::new([key("a", 1), key("a", 2)]).is_err());
    assert!(KeySet::new([unnamed(1), unnamed(2)]).is_ok());
    let set = KeySet::new([key("b", 2), key("a", 1), unnamed(3)]).unwrap();
    assert!(set.has(Some("a"), Algorithm::Hs256) && !set.has(Some("a"), Algorithm::Hs512));
    assert!(set.has(Some("unknown"), Algorithm::Hs256), "a key without an id fits every id");
    assert!(!keys().has(Some("unknown"), Algorithm::Hs256));
    assert_eq!(set.iter().map(|key| key.id()).collect::<Vec<_>>(), [None, Some("a"), Some("b")]);
    let by_unnamed = |id, algorithm| set.verify(Some(id), algorithm, b"message", &[0; 32]);
    assert_eq!(by_unnamed("a", Algorithm::Hs256), Err(Reason::WrongSignature));
    for algorithm in [Algorithm::Hs256, Algorithm::Hs512] {
        assert_eq!(by_unnamed("unknown", algorithm), Err(Reason::UnknownKey), "no key is called that");
    }
    let empty = KeySet::default();
    assert!(empty.is_empty() && empty.verify(None, Algorithm::Hs256, b"", b"") == Err(Reason::UnknownKey));
}

#[test]
fn of_keys_that_a_token_does_not_name_a_few_are_tried() {
    let keys = |count: u8| {
        KeySet::new((0..count).map(|byte| Key::hmac(Algorithm::Hs256, &[byte; 32]).unwrap())).unwrap()
    };
    let last = Signer::hmac(Algorithm::Hs256, &[3; 32]).unwrap().sign(&claims()).unwrap();
    let [message, signature] =
        last.rsplit_once('.').map(|(message, signature)| [message, signature]).unwrap();
    let signature =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).unwrap();
    let verdict = |count| keys(count).verify(None, Algorithm::Hs256, message.as_bytes(), &signature);
    assert_eq!(verdict(3), Err(Reason::WrongSignature));
    assert_eq!(verdict(4), Ok(()));
    let hidden =
        KeySet::new((10..14).chain([3]).map(|byte| Key::hmac(Algorithm::Hs256, &[byte; 32]).unwrap()))
            .unwrap();
    assert_eq!(
        hidden.verify(None, Algorithm::Hs256, message.as_bytes(), &signature),
        Err(Reason::WrongSignature)
    );
}

#[test]
fn a_signer_signs_objects_alone_and_makes_no_secrets() {
    let signer = signer(Algorithm::Hs256);
    assert!(matches!(signer.sign(&[1, 2]), Err(SignError::NotAnObject)));
    assert!(matches!(signer.sign(&"text"), Err(SignError::NotAnObject)));
    assert!(signer.public_jwk().is_none() && signer.public_pem().is_none() && signer.private_pem().is_none());
    assert_eq!(Signer::generate(Algorithm::Hs256).err(), Some(KeyError::WrongAlgorithm));
    assert_eq!(Signer::from_pem(Algorithm::Es256, "x").err(), Some(KeyError::Malformed));
    let public = super::forge::signer(Algorithm::Es256).public_pem().unwrap();
    assert_eq!(Signer::from_pem(Algorithm::Es256, &public).err(), Some(KeyError::Unsupported));
}
