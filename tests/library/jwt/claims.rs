//! Tokens that are signed rightly, but say what is not accepted, or not now.

use std::time::Duration;

use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::{Issuer, Validator};
use serde_json::{Value, json};

use super::forge::{
    ISSUER, NOW, Row, assert_refused, claims, door, issuer, keys, now, saying, saying_text, with, without,
};

/// A claim in a spelling that serde would not write.
fn raw(name: &str, value: &str) -> String {
    let others = without(name).to_string();
    saying_text(format!("{{\"{name}\":{value},{}", &others[1..]))
}

fn verdict(issuer: Issuer, claims: &Value) -> Result<(), Reason> {
    Validator::new([issuer]).unwrap().verify(saying(claims), now()).map(drop)
}

#[test]
fn a_wrong_issuer_is_refused() {
    let rows: [Row; 11] = [
        ("none", saying(&without("iss")), Reason::MissingClaim),
        ("nobody we know", saying(&with("iss", "https://evil.example/")), Reason::WrongIssuer),
        ("empty", saying(&with("iss", "")), Reason::WrongIssuer),
        ("without its slash", saying(&with("iss", ISSUER.trim_end_matches('/'))), Reason::WrongIssuer),
        ("in capitals", saying(&with("iss", ISSUER.to_uppercase())), Reason::WrongIssuer),
        ("longer", saying(&with("iss", format!("{ISSUER}x"))), Reason::WrongIssuer),
        ("with space", saying(&with("iss", format!("{ISSUER} "))), Reason::WrongIssuer),
        ("an array", saying(&with("iss", json!([ISSUER]))), Reason::MalformedClaim),
        ("null", saying(&with("iss", Value::Null)), Reason::MalformedClaim),
        ("an object", saying(&with("iss", json!({ "url": ISSUER }))), Reason::MalformedClaim),
        ("another issuer, with our key", saying(&with("iss", "https://other.example/")), Reason::UnknownKey),
    ];
    assert_refused(&rows);
}

#[test]
fn a_wrong_audience_is_refused() {
    let rows: [Row; 13] = [
        ("none", saying(&without("aud")), Reason::MissingClaim),
        ("another", saying(&with("aud", "shop")), Reason::WrongAudience),
        ("others", saying(&with("aud", json!(["shop", "bank"]))), Reason::WrongAudience),
        ("nobody", saying(&with("aud", json!([]))), Reason::WrongAudience),
        ("empty", saying(&with("aud", "")), Reason::WrongAudience),
        ("in capitals", saying(&with("aud", "API")), Reason::WrongAudience),
        ("longer", saying(&with("aud", "api2")), Reason::WrongAudience),
        ("a list in a string", saying(&with("aud", "api shop")), Reason::WrongAudience),
        ("null", saying(&with("aud", Value::Null)), Reason::MalformedClaim),
        ("a number", saying(&with("aud", 1)), Reason::MalformedClaim),
        ("true", saying(&with("aud", true)), Reason::MalformedClaim),
        ("an object", saying(&with("aud", json!({ "api": 1 }))), Reason::MalformedClaim),
        ("us and a number", saying(&with("aud", json!(["api", 1]))), Reason::MalformedClaim),
    ];
    assert_refused(&rows);
}

#[test]
fn a_token_that_has_ended_or_has_no_end_is_refused() {
    let rows: [Row; 18] = [
        ("no end", saying(&without("exp")), Reason::MissingClaim),
        ("ended", saying(&with("exp", NOW - 61)), Reason::Expired),
        (
            "ends with the leeway, which is when it may not be accepted",
            saying(&with("exp", NOW - 60)),
            Reason::Expired,
        ),
        ("zero", saying(&with("exp", 0)), Reason::Expired),
        ("negative zero", raw("exp", "-0"), Reason::Expired),
        ("negative", saying(&with("exp", -1)), Reason::MalformedClaim),
        ("a string", saying(&with("exp", (NOW + 600).to_string())), Reason::MalformedClaim),
        ("a date", saying(&with("exp", "2099-01-01T00:00:00Z")), Reason::MalformedClaim),
        ("null", saying(&with("exp", Value::Null)), Reason::MalformedClaim),
        ("true", saying(&with("exp", true)), Reason::MalformedClaim),
        ("an array", saying(&with("exp", json!([NOW + 600]))), Reason::MalformedClaim),
        ("an object", saying(&with("exp", json!({}))), Reason::MalformedClaim),
        ("later than any date", saying(&with("exp", 253_402_300_800_u64)), Reason::MalformedClaim),
        ("in milliseconds", saying(&with("exp", (NOW + 600) * 1000)), Reason::MalformedClaim),
        ("the greatest number", saying(&with("exp", u64::MAX)), Reason::MalformedClaim),
        ("more than the greatest", raw("exp", "18446744073709551616"), Reason::MalformedClaim),
        ("a huge fraction", raw("exp", "1e308"), Reason::MalformedClaim),
        ("more than any fraction", raw("exp", "1e999"), Reason::MalformedClaim),
    ];
    assert_refused(&rows);
}

#[test]
fn numbers_that_json_does_not_have_are_refused() {
    let spellings = [
        "Infinity",
        "-Infinity",
        "NaN",
        "0x7fffffff",
        "01700000600",
        "+1700000600",
        ".5e10",
        "1700000600.",
        "1_700_000_600",
    ];
    let rows = spellings.map(|spelling| (spelling, raw("exp", spelling), Reason::MalformedToken));
    assert_refused(&rows);
}

#[test]
fn a_token_of_the_future_is_refused() {
    let rows: [Row; 9] = [
        ("not yet", saying(&with("nbf", NOW + 61)), Reason::NotYetValid),
        ("issued tomorrow", saying(&with("iat", NOW + 86_400)), Reason::IssuedInFuture),
        ("issued just beyond the leeway", saying(&with("iat", NOW + 61)), Reason::IssuedInFuture),
        ("nbf is a string", saying(&with("nbf", "0")), Reason::MalformedClaim),
        ("nbf is negative", saying(&with("nbf", -5)), Reason::MalformedClaim),
        ("nbf is null", saying(&with("nbf", Value::Null)), Reason::MalformedClaim),
        ("iat is a string", saying(&with("iat", "0")), Reason::MalformedClaim),
        ("iat is an object", saying(&with("iat", json!({}))), Reason::MalformedClaim),
        ("iat is huge", raw("iat", "1e300"), Reason::MalformedClaim),
    ];
    assert_refused(&rows);
}

#[test]
fn claims_that_cannot_be_a_principal_are_refused() {
    let rows: [Row; 13] = [
        ("no subject", saying(&without("sub")), Reason::MissingClaim),
        ("a subject that is null", saying(&with("sub", Value::Null)), Reason::MissingClaim),
        ("an empty subject", saying(&with("sub", "")), Reason::MalformedClaim),
        ("a number as subject", saying(&with("sub", 7)), Reason::MalformedClaim),
        ("subjects", saying(&with("sub", json!(["a", "b"]))), Reason::MalformedClaim),
        ("a number as scope", saying(&with("scope", 7)), Reason::MalformedClaim),
        ("a scope that is true", saying(&with("scope", true)), Reason::MalformedClaim),
        ("scopes that are numbers", saying(&with("scp", json!([1, 2]))), Reason::MalformedClaim),
        ("scopes in objects", saying(&with("scope", json!([{ "value": "a" }]))), Reason::MalformedClaim),
        ("roles in an object", saying(&with("roles", json!({ "admin": true }))), Reason::MalformedClaim),
        ("a role that is null", saying(&with("roles", json!([null]))), Reason::MalformedClaim),
        ("roles in arrays", saying(&with("roles", json!([["admin"]]))), Reason::MalformedClaim),
        ("a number as client", saying(&with("client_id", 7)), Reason::MalformedClaim),
    ];
    assert_refused(&rows);
}

#[test]
fn the_leeway_ends_where_it_says() {
    let at = |seconds: u64| Duration::from_secs(seconds);
    let token =
        saying(&json!({ "iss": ISSUER, "aud": "api", "sub": "u", "exp": NOW, "nbf": NOW, "iat": NOW }));
    let refused = |time| door().verify(&token, time).map(drop);
    assert_eq!(refused(at(NOW - 61)), Err(Reason::NotYetValid));
    assert_eq!(refused(at(NOW - 60)), Ok(()));
    assert_eq!(refused(at(NOW + 59)), Ok(()));
    assert_eq!(refused(at(NOW + 60)), Err(Reason::Expired));
    assert_eq!(refused(Duration::MAX), Err(Reason::Expired));
    assert_eq!(refused(Duration::ZERO), Err(Reason::NotYetValid));

    let exact = Validator::new([issuer().leeway(Duration::ZERO)]).unwrap();
    assert_eq!(exact.verify(&token, at(NOW - 1)), Err(Reason::NotYetValid));
    assert_eq!(exact.verify(&token, at(NOW)), Err(Reason::Expired));
}

#[test]
fn dates_may_have_fractions() {
    let half = saying_text(claims().to_string().replace(&(NOW + 600).to_string(), &format!("{NOW}.5")));
    let exact = Validator::new([issuer().leeway(Duration::ZERO)]).unwrap();
    assert!(exact.verify(&half, now()).is_ok());
    assert_eq!(exact.verify(&half, now() + Duration::from_millis(500)), Err(Reason::Expired));
    assert!(door().verify(raw("exp", "17e8"), now()).is_ok());
}

#[test]
fn an_age_is_counted_from_the_issue_which_has_to_be_known() {
    let strict = || issuer().max_age(Duration::from_secs(300)).leeway(Duration::ZERO);
    assert_eq!(verdict(strict(), &with("iat", NOW - 300)), Ok(()));
    assert_eq!(verdict(strict(), &with("iat", NOW - 301)), Err(Reason::TooOld));
    assert_eq!(verdict(strict(), &claims()), Err(Reason::MissingClaim));
}

#[test]
fn a_required_type_has_to_be_there() {
    let strict = Validator::new([issuer().required_type("at+jwt")]).unwrap();
    let typed = |header: &str| strict.verify(super::forge::headed(header), now()).map(drop);
    assert_eq!(typed(r#"{"alg":"HS256","typ":"at+jwt"}"#), Ok(()));
    assert_eq!(typed(r#"{"alg":"HS256","typ":"application/AT+JWT"}"#), Ok(()));
    assert_eq!(typed(r#"{"alg":"HS256","typ":"JWT"}"#), Err(Reason::WrongType));
    assert_eq!(typed(r#"{"alg":"HS256"}"#), Err(Reason::WrongType));
}

#[test]
fn a_header_that_was_seen_before_is_held_against_what_each_issuer_asks_for() {
    let shared = keys();
    let lax = Validator::new([issuer().keys(shared.clone())]).unwrap();
    let strict = Validator::new([issuer().keys(shared).required_type("at+jwt")]).unwrap();
    let token = super::forge::headed(r#"{"alg":"HS256","typ":"JWT"}"#);
    for _ in 0..2 {
        assert_eq!(lax.verify(&token, now()).map(drop), Ok(()));
        assert_eq!(strict.verify(&token, now()).map(drop), Err(Reason::WrongType));
    }
}

#[test]
fn a_header_that_was_seen_before_stands_for_no_other_and_for_no_signature() {
    let door = Validator::new([issuer()]).unwrap();
    let seen = super::forge::headed(r#"{"alg":"HS256"}"#);
    assert_eq!(door.verify(&seen, now()).map(drop), Ok(()));
    let rows: [Row; 3] = [
        ("of the same length", super::forge::headed(r#"{"alg":"HS384"}"#), Reason::WrongSignature),
        ("unsecured", super::forge::headed(r#"{"alg":"none"}"#), Reason::Unsecured),
        (
            "not signed with the key",
            format!("{}.{}", &seen[..seen.rfind('.').unwrap()], "A".repeat(43)),
            Reason::WrongSignature,
        ),
    ];
    for (name, token, reason) in rows {
        assert_eq!(door.verify(token, now()).map(drop), Err(reason), "{name}");
    }
}

#[test]
fn what_is_given_up_by_name_is_given_up_and_nothing_else() {
    let base = || Issuer::new(ISSUER).keys(keys());
    assert_eq!(verdict(base().dangerous_accept_any_audience(), &without("aud")), Ok(()));
    assert_eq!(verdict(base().dangerous_accept_any_audience(), &with("aud", "shop")), Ok(()));
    assert_eq!(verdict(base().dangerous_accept_any_audience(), &without("exp")), Err(Reason::MissingClaim));
    assert_eq!(verdict(issuer().dangerous_accept_without_expiry(), &without("exp")), Ok(()));
    assert_eq!(verdict(issuer().dangerous_accept_without_expiry(), &with("exp", 5)), Err(Reason::Expired));
    let any = || Issuer::dangerous_any().audience("api").keys(keys());
    assert_eq!(verdict(any(), &without("iss")), Ok(()));
    assert_eq!(verdict(any(), &with("iss", "whoever")), Ok(()));
    assert_eq!(verdict(any(), &without("aud")), Err(Reason::MissingClaim));
}
