//! Tokens that are good, and the principals that they become.

use std::sync::Mutex;
use std::time::Duration;

use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Signer, Validator};
use integridai_tower::{ConfigError, Principal, PrincipalKind};
use serde_json::{Value, json};

use super::forge::{
    ISSUER, NOW, claims, door, good, headed, issuer, keys, now, saying, signed, signer, with, without,
};

fn principal(issuer: Issuer, claims: &Value) -> Principal {
    Validator::new([issuer]).unwrap().verify(saying(claims), now()).unwrap()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_good_token_of_every_algorithm_is_accepted() {
    for algorithm in Algorithm::ALL {
        let found = door().verify(good(algorithm), now()).map(|principal| principal.subject().to_owned());
        assert_eq!(found.as_deref(), Ok("user-7"), "{algorithm}");
    }
}

#[test]
fn what_a_signer_signs_is_accepted_and_its_keys_go_over_pem_and_jwk() {
    let by = |key| {
        Validator::new([Issuer::new(ISSUER).audience("api").keys(KeySet::new([key]).unwrap())]).unwrap()
    };
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let token = signer.sign(&claims()).unwrap();
        assert!(by(signer.verifying_key().unwrap()).verify(&token, now()).is_ok(), "{algorithm}");
        let Some(pem) = signer.public_pem() else { continue };
        let jwk = signer.public_jwk().unwrap().to_string();
        assert!(
            by(Key::from_pem(algorithm, &pem).unwrap()).verify(&token, now()).is_ok(),
            "{algorithm} in PEM"
        );
        assert!(
            by(Key::from_jwk(jwk.as_bytes()).unwrap()).verify(&token, now()).is_ok(),
            "{algorithm} in JWK"
        );
    }
}

#[test]
fn usual_headers_are_accepted() {
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"typ":"jwt","alg":"HS256","kid":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#"{"typ":"application/at+jwt","alg":"HS256"}"#,
        r#" { "alg" : "HS\u0032\u0035\u0036" } "#,
        r#"{"alg":"HS256","x5t":"a","x5t#S256":"b","cty":"json","nonce":[1,{"a":null}]}"#,
    ] {
        assert!(door().verify(headed(header), now()).is_ok(), "{header}");
    }
    let newer_name = signed(Algorithm::EdDsa, r#"{"alg":"Ed25519"}"#, claims().to_string());
    assert!(door().verify(newer_name, now()).is_ok());
}

#[test]
fn a_principal_is_what_the_claims_say() {
    let claims = json!({
        "iss": ISSUER, "aud": ["shop", "api"], "sub": "user-7", "exp": NOW + 600, "iat": NOW, "nbf": NOW,
        "scope": "read  write read", "roles": ["auditor", "admin"], "org": { "id": "acme" }, "email": "a@b.example",
        "flags": [1, { "a": true }],
    });
    let issuer =
        issuer().tenant_claim(["org", "id"]).keep_claim("email").keep_claim("flags").keep_claim("none");
    let principal = principal(issuer, &claims);
    assert_eq!((principal.subject(), principal.kind()), ("user-7", PrincipalKind::User));
    assert_eq!((principal.issuer(), principal.tenant()), (Some(ISSUER), Some("acme")));
    assert_eq!(list(principal.scopes()), "read write");
    assert_eq!(list(principal.roles()), "admin auditor");
    assert_eq!(principal.expires_at(), Some(Duration::from_secs(NOW + 600)));
    assert_eq!(principal.claim("email"), Some(&json!("a@b.example")));
    assert_eq!(principal.claim("flags"), Some(&json!([1, { "a": true }])));
    assert_eq!((principal.claim("none"), principal.claim("org")), (None, None));
}

#[test]
fn scopes_and_roles_stand_where_issuers_put_them() {
    let scopes = |claims: &Value| list(principal(issuer(), claims).scopes());
    assert_eq!(scopes(&with("scp", json!(["a b", "c"]))), "a b c");
    assert_eq!(scopes(&with("scp", "c a")), "a c");
    assert_eq!(scopes(&with("scope", "")), "");
    assert_eq!(scopes(&with("scope", Value::Null)), "", "`null` is as good as nothing, wherever it stands");
    assert_eq!(scopes(&claims()), "");
    let named = issuer().scopes_claim("https://api.example/permissions");
    assert_eq!(list(principal(named, &with("https://api.example/permissions", json!(["p"]))).scopes()), "p");
    let nested = issuer().roles_claim(["realm_access", "roles"]);
    assert_eq!(
        list(principal(nested.clone(), &with("realm_access", json!({ "roles": ["r"] }))).roles()),
        "r"
    );
    for other in [json!({}), json!([]), json!("roles"), Value::Null, json!({ "roles": null })] {
        assert_eq!(list(principal(nested.clone(), &with("realm_access", other)).roles()), "");
    }
    let one = principal(issuer(), &with("roles", "Global Admin"));
    assert!(one.has_role("Global Admin") && !one.has_role("Admin"), "the name of a role may have spaces");
}

#[test]
fn a_client_that_is_its_own_subject_is_a_service() {
    let kind = |client: &str| principal(issuer(), &with("client_id", client)).kind();
    assert_eq!(kind("user-7"), PrincipalKind::Service);
    assert_eq!(kind("web"), PrincipalKind::User);
}

#[test]
fn another_claim_can_name_the_subject() {
    let issuer = issuer().subject_claim("oid").tenant_claim("tid");
    let found = principal(issuer, &with("oid", "o-1"));
    assert_eq!((found.subject(), found.tenant()), ("o-1", None));
}

#[test]
fn strings_are_read_through_their_escapes() {
    let text = claims().to_string().replace("user-7", r"user\u002d7\ud83d\ude00").replace("api", r"\u0061pi");
    let principal = door().verify(super::forge::saying_text(text), now()).unwrap();
    assert_eq!(principal.subject(), "user-7\u{1f600}");
}

/// An issuer of its own, with one key of this secret that has no id.
fn small(name: &str, secret: &[u8; 32]) -> (Issuer, Signer) {
    let signer = Signer::hmac(Algorithm::Hs256, secret).unwrap();
    let keys = KeySet::new([signer.verifying_key().unwrap()]).unwrap();
    (Issuer::new(name).audience("api").keys(keys), signer)
}

#[test]
fn each_issuer_vouches_for_its_own_tokens_alone() {
    let [(first, by_first), (second, by_second)] = [small("first", &[1; 32]), small("second", &[2; 32])];
    let validator = Validator::new([second, first]).unwrap();
    let verdict = |signer: &Signer, issuer: &str| {
        let token = signer.sign(&with("iss", issuer)).unwrap();
        validator.verify(&token, now()).map(|principal| principal.issuer().map(ToOwned::to_owned))
    };
    assert_eq!(verdict(&by_first, "first"), Ok(Some("first".into())));
    assert_eq!(verdict(&by_second, "second"), Ok(Some("second".into())));
    assert_eq!(verdict(&by_first, "second"), Err(Reason::WrongSignature));
    assert_eq!(verdict(&by_second, "first"), Err(Reason::WrongSignature));
    assert_eq!(verdict(&by_second, "third"), Err(Reason::WrongIssuer));
}

#[test]
fn whose_keys_are_needed_is_known_before_anything_is_verified() {
    let forged = format!("{}A", good(Algorithm::Rs256));
    assert_eq!(
        door().issuer_of(forged).map(|issuer| issuer.name().map(ToOwned::to_owned)),
        Ok(Some(ISSUER.into()))
    );
    assert_eq!(door().issuer_of(saying(&without("iss"))).map(drop), Err(Reason::MissingClaim));
    assert_eq!(door().issuer_of("a.b").map(drop), Err(Reason::MalformedToken));
    assert_eq!(door().issuers().count(), 2);
}

#[test]
fn keys_that_change_are_asked_for_each_time() {
    let present = std::sync::Arc::new(Mutex::new(None));
    let source = std::sync::Arc::clone(&present);
    let issuer = Issuer::new(ISSUER).audience("api").keys_from(move || source.lock().unwrap().clone());
    let validator = Validator::new([issuer]).unwrap();
    let verdict = || validator.verify(good(Algorithm::Es256), now()).map(drop);
    assert_eq!(verdict(), Err(Reason::KeysUnavailable));
    *present.lock().unwrap() = Some(KeySet::default());
    assert_eq!(verdict(), Err(Reason::UnknownKey));
    *present.lock().unwrap() = Some(keys());
    assert_eq!(verdict(), Ok(()));
}

#[test]
fn algorithms_can_be_narrowed() {
    let validator = Validator::new([issuer().algorithms([Algorithm::Es256, Algorithm::EdDsa])]).unwrap();
    assert!(validator.verify(good(Algorithm::Es256), now()).is_ok());
    assert_eq!(validator.verify(good(Algorithm::Hs256), now()), Err(Reason::WrongAlgorithm));
}

#[test]
fn embedded_keys_can_be_passed_over_but_are_not_used() {
    let forger = Signer::generate(Algorithm::Es256).unwrap();
    let jwk = forger.public_jwk().unwrap();
    let lenient = Validator::new([issuer().ignore_embedded_keys()]).unwrap();
    let header =
        |kid: &str| format!(r#"{{"alg":"ES256","kid":"{kid}","jku":"https://evil.example","jwk":{jwk}}}"#);
    let real = signed(Algorithm::Es256, header("ES256"), claims().to_string());
    assert!(lenient.verify(&real, now()).is_ok());

    let message = real.rsplit_once('.').unwrap().0;
    let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &super::forge::pem_body(&forger.private_pem().unwrap()),
    );
    let signature = pair.unwrap().sign(&aws_lc_rs::rand::SystemRandom::new(), message.as_bytes()).unwrap();
    let forged = format!("{message}.{}", super::forge::b64(signature));
    assert_eq!(lenient.verify(forged, now()), Err(Reason::WrongSignature));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let fault = |issuers: Vec<Issuer>| Validator::new(issuers).map(drop).map_err(|error| error.setting());
    assert_eq!(fault(vec![]), Err("issuers"));
    assert_eq!(fault(vec![Issuer::new("a").keys(keys())]), Err("audience"));
    assert_eq!(fault(vec![Issuer::new("a").audience("api")]), Err("keys"));
    assert_eq!(fault(vec![Issuer::new("").audience("api").keys(keys())]), Err("issuer"));
    assert_eq!(fault(vec![issuer().algorithms([])]), Err("algorithms"));
    assert_eq!(fault(vec![issuer(), issuer()]), Err("issuers"));
    let error: ConfigError = Validator::new([Issuer::new("a").keys(keys())]).unwrap_err();
    assert!(error.to_string().contains("dangerous_accept_any_audience"), "{error}");
}

#[test]
fn a_debug_print_shows_no_secret() {
    let secret = format!("{:?}", super::forge::SECRET);
    let printed = format!("{:?} {:?} {:?}", door(), signer(Algorithm::Hs256), keys());
    assert!(!printed.contains(&secret) && !printed.contains(&"5e".repeat(8)) && printed.contains("HS256"));
}
